using Counterweight.Evaluation.Reports;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Reports;

public sealed class ComparisonRowsTests
{
    [Theory]
    [InlineData("accuracy, blimp", Verdict.Same)]   // -0.25 ± 0.15: the interval reaches 0
    [InlineData("accuracy, piqa", Verdict.Worse)]
    [InlineData("accuracy, arc_easy", Verdict.Better)]
    [InlineData("perplexity", Verdict.Worse)]
    [InlineData("LIS, mean of layers", Verdict.Better)]
    [InlineData("expert bytes", Verdict.Better)]
    [InlineData("decode tokens/s", Verdict.Worse)]
    public void Losses_are_called_losses(string label, Verdict verdict) =>
        Assert.Equal(verdict, ComparisonRows.From(SampleReport.Create()).Single(row => row.Label == label).Verdict);

    [Fact]
    public void Untimed_reports_have_no_speed() =>
        Assert.DoesNotContain(ComparisonRows.From(SampleReport.Create().WithoutTimings()), row => row.Label.Contains("tokens/s"));
}
