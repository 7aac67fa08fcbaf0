using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Checkpoints;

public sealed class SafetensorsFileTests
{
    public static TheoryData<string> MalformedFiles() => new(
        GoldenFiles.SharedEntries("*.safetensors", "goldens", "malformed", "safetensors")
            .Concat(GoldenFiles.SharedEntries("*.safetensors", "goldens", "malformed", "more", "safetensors")));

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(MalformedFiles))]
    public void Malformed_file_is_refused_by_name_without_large_allocation(string path)
    {
        Assert.Throws<InvalidInputException>(() => SafetensorsFile.Open(path).Dispose());
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<InvalidInputException>(() => SafetensorsFile.Open(path).Dispose());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        Assert.Contains(Path.GetFileName(path), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_reference_file_opens_and_its_views_cover_the_data()
    {
        foreach (var path in Directory.EnumerateFiles(GoldenFiles.Shared("goldens"), "*.safetensors", SearchOption.AllDirectories)
            .Where(p => !p.Contains("malformed", StringComparison.Ordinal)))
        {
            using var file = SafetensorsFile.Open(path);
            Assert.NotEmpty(file.TensorNames);
            var covered = file.TensorNames.Sum(name => file.Get(name).ByteCount);
            Assert.InRange(new FileInfo(path).Length - covered, 8, 100_000);
        }
    }
}
