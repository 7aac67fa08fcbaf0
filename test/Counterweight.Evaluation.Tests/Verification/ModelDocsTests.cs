using System.Text.RegularExpressions;
using Counterweight.Engine.Models;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>docs/models.md has a row for each model type, and the row names all folders that prove it.</summary>
public sealed partial class ModelDocsTests
{
    private static readonly Dictionary<string, string[]> Rows = File.ReadLines(Path.Combine(GoldenFiles.ProjectRoot, "docs", "models.md"))
        .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
        .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
        .Where(cells => cells.Length == 6) // the table of families; that of GGUF architectures has fewer columns
        .ToDictionary(cells => cells[1].Trim('`'), cells => Quoted().Matches(cells[4]).Select(match => match.Groups[1].Value).ToArray());

    [Fact]
    public void Every_model_type_has_a_row() => Assert.Equal(ModelLoader.ModelTypes.Order(StringComparer.Ordinal), Rows.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void Rows_name_the_folders_of_their_type()
    {
        var folders = GoldenModels.Folders().ToArray();
        Assert.SkipWhen(folders.Length == 0, "no reference outputs");
        foreach (var (type, named) in Rows)
        {
            Assert.NotEmpty(named);
            Assert.Equal(folders.Where(folder => GoldenModels.TypeOfFolder(folder) == type), named.Order(StringComparer.Ordinal));
        }
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();
}
