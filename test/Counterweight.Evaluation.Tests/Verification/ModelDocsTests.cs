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

    /// <summary>Tests by class or method name, and reference files, perhaps with a * for any characters.</summary>
    [Fact]
    public void What_is_named_as_proof_is_there()
    {
        var text = File.ReadAllText(Path.Combine(GoldenFiles.ProjectRoot, "docs", "models.md"));
        var names = Quoted().Matches(text).Select(match => match.Groups[1].Value).Distinct().ToArray();
        var tests = string.Concat(Directory.EnumerateFiles(Path.Combine(GoldenFiles.ProjectRoot, "test"), "*Tests.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        var named = names.Where(name => name.EndsWith("Tests", StringComparison.Ordinal) || (char.IsAsciiLetterUpper(name[0]) && name.Contains('_', StringComparison.Ordinal))).ToArray();
        Assert.True(named.Length > 8);
        Assert.All(named, name => Assert.Matches($@"\b(class|void|Task) {name}\b", tests));

        var folder = GoldenFiles.Shared("goldens", "gguf");
        Assert.All(names.Where(name => name.EndsWith(".gguf", StringComparison.Ordinal) && name != ".gguf"), name => Assert.NotEmpty(Directory.EnumerateFiles(folder, name)));
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();
}
