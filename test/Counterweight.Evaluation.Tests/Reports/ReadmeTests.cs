using System.Text.RegularExpressions;
using Counterweight.Evaluation.Reports;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Reports;

public sealed class ReadmeTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(GoldenFiles.ProjectRoot, "README.md"));

    [Fact]
    public void The_table_has_the_rows_that_balance_prints()
    {
        var table = Regex.Match(Readme, "<!-- balance -->\n```\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        var labels = table.Split('\n').Skip(2).Where(line => line.Trim().Length > 0).Select(line => Regex.Split(line.Trim(), " {2,}")[0]);

        var printed = ComparisonRows.From(SampleReport.Create()).Select(row => row.Label);

        Assert.Equal(printed.Where(label => !label.StartsWith("accuracy", StringComparison.Ordinal)), labels.Where(label => !label.StartsWith("accuracy", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_link_leads_to_a_file_of_the_project()
    {
        foreach (var document in Directory.GetFiles(GoldenFiles.ProjectRoot, "*.md").Concat(Directory.GetFiles(Path.Combine(GoldenFiles.ProjectRoot, "docs"), "*.md")))
            foreach (Match link in Regex.Matches(File.ReadAllText(document), @"\]\(([^)#:]+)(#[^)]*)?\)"))
                Assert.True(Path.Exists(Path.Combine(Path.GetDirectoryName(document)!, link.Groups[1].Value)), $"{document}: {link.Value}");
    }
}
