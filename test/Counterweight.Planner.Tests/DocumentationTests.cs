using System.CommandLine;
using Counterweight.Tests;

namespace Counterweight.Planner.Tests;

public sealed class DocumentationTests
{
    [Theory]
    [InlineData("planning.md", 9)]
    [InlineData("streaming.md", 1)]
    public void Every_command_of_the_docs_has_options_that_exist(string file, int least)
    {
        var commands = File.ReadLines(Path.Combine(GoldenFiles.ProjectRoot, "docs", file))
            .Where(line => line.StartsWith("counterweight-planner ", StringComparison.Ordinal)).ToArray();
        Assert.True(commands.Length >= least);
        var root = new RootCommand();
        PlannerVerbs.AddTo(root);
        Assert.All(commands, command => Assert.Empty(root.Parse(command.Split(' ')[1..]).Errors));
    }

    [Fact]
    public void Every_engine_and_quantization_format_is_documented()
    {
        var text = File.ReadAllText(Path.Combine(GoldenFiles.ProjectRoot, "docs", "planning.md"));
        Assert.All(Balancing.Formats.EnginePlanFormats.Names.Concat(Balancing.Formats.MixedPrecisionConfigs.Names), name =>
            Assert.Contains($"`{name}`", text));
    }
}
