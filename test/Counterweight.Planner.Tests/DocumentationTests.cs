using System.CommandLine;
using Counterweight.Tests;

namespace Counterweight.Planner.Tests;

public sealed class DocumentationTests
{
    [Fact]
    public void Every_command_of_the_tutorial_has_options_that_exist()
    {
        var commands = File.ReadLines(Path.Combine(GoldenFiles.ProjectRoot, "docs", "planning.md"))
            .Where(line => line.StartsWith("counterweight-planner ", StringComparison.Ordinal)).ToArray();
        Assert.True(commands.Length >= 9);
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
