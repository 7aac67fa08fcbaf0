using Counterweight.Cli.Output;
using Counterweight.Evaluation.Reports;
using Counterweight.Tests;
using Spectre.Console;

namespace Counterweight.Cli.Tests.Output;

public sealed class BalanceTableTests
{
    private const string Expected = """
                                                  before     after           change
        ────────────────────────────────────────────────────────────────────────────
          busiest slot, tokens, mean of layers    47,503    28,809      1.66x lower
          LIS, mean of layers                       3.18      2.11      1.51x lower
          LIS, worst layer                          3.68      2.54      1.45x lower
          LIS (paper form), mean of layers          3.18      1.93      1.65x lower
          device imbalance (4), even                1.77      1.39      1.27x lower
          device imbalance (4), least loaded        1.77      1.31      1.35x lower
          device imbalance (8), even                2.09      1.55      1.35x lower
          device imbalance (8), least loaded        2.09      1.44      1.45x lower
          expert bytes                          21.23 MB  19.40 MB          -8.66 %
          total bytes                           26.15 MB  24.31 MB          -7.03 %
          perplexity                               23.41     23.46   +0.21 ± 0.03 %
          accuracy, blimp                         71.2 %    71.0 %  -0.25 ± 0.15 pp
          accuracy, hellaswag                     25.9 %    26.1 %  +0.20 ± 0.40 pp
          accuracy, piqa                          54.4 %    53.4 %  -1.01 ± 0.48 pp
          accuracy, arc_easy                      29.9 %    30.9 %  +1.01 ± 0.41 pp
          prefill tokens/s                         5,189     5,310          +2.34 %
          decode tokens/s                            310       301          -2.78 %
        """;

    [Fact]
    public void Prints_the_comparison() => Assert.Equal(Expected, Render(SampleReport.Create()));

    [Fact]
    public void Long_and_hostile_names_keep_every_row_on_one_line_of_eighty_columns()
    {
        var report = SampleReport.Create();
        var name = "[red]task[/] \u001b[31m" + new string('x', 200);
        var hostile = report with
        {
            Before = report.Before with { Accuracy = new Dictionary<string, TaskAccuracy> { [name] = report.Before.Accuracy["piqa"] } },
            After = report.After with { Accuracy = new Dictionary<string, TaskAccuracy> { [name] = report.After.Accuracy["piqa"] } },
            Change = report.Change with { AccuracyDifference = new Dictionary<string, PairedDifference> { [name] = report.Change.AccuracyDifference["piqa"] } },
        };
        var text = Render(hostile);
        Assert.Contains("accuracy, [red]task[/]", text);
        Assert.DoesNotContain('\u001b', text);
        Assert.Equal(2 + ComparisonRows.From(hostile).Count, text.Split('\n').Length);
        Assert.All(text.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
    }

    private static string Render(BalanceReport report)
    {
        using var output = new StringWriter { NewLine = "\n" };
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output), Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors });
        BalanceTable.Render(console, report);
        return string.Join('\n', output.ToString().Split('\n').Select(line => line.TrimEnd())).Trim('\n');
    }
}
