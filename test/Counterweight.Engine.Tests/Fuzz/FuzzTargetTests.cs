using Counterweight.Fuzz;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Fuzz;

/// <summary>Runs what fuzzing starts from and what it has found through its targets, which fail on anything but acceptance or a refusal.</summary>
public sealed class FuzzTargetTests
{
    private static readonly string[] RefusedSeeds = ["header_beyond.safetensors", "metadata.gguf", "overlap.safetensors"];

    public static TheoryData<string> Targets => new(FuzzTarget.Names);

    public static TheoryData<string, string> Regressions => new(FuzzTarget.Names.SelectMany(
        target => Files("regressions", target).Select(file => (target, Path.GetFileName(file)))));

    [Theory]
    [MemberData(nameof(Targets))]
    public void Seeds_reach_the_end_of_their_reader(string name)
    {
        var target = FuzzTarget.Of(name)!;
        var seeds = Files("seeds", name).ToList();
        var refused = seeds.Where(seed => target.Run(File.ReadAllBytes(seed)) is not null).Select(seed => Path.GetFileName(seed)).ToList();
        Assert.True(seeds.Count > refused.Count);
        // Configs of families whose weights aren't there are refused for that.
        if (name != "config")
            Assert.Equal(RefusedSeeds.Where(seed => seeds.Any(file => Path.GetFileName(file) == seed)), refused.Order());
    }

    [Theory]
    [MemberData(nameof(Regressions))]
    public void What_was_found_is_refused_now(string target, string file) =>
        Assert.NotNull(FuzzTarget.Of(target)!.Run(File.ReadAllBytes(Path.Combine(Folder("regressions", target), file))));

    private static IEnumerable<string> Files(string kind, string target) =>
        Directory.Exists(Folder(kind, target)) ? Directory.EnumerateFiles(Folder(kind, target)).Order(StringComparer.Ordinal) : [];

    private static string Folder(string kind, string target) => Path.Combine(GoldenFiles.ProjectRoot, "fuzz", kind, target);
}
