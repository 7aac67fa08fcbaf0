using Counterweight.Balancing;

namespace Counterweight.Engine.Tests.Checkpoints;

public sealed class AtomicFileTests
{
    [Fact]
    public void New_file_is_written_and_an_old_one_replaced()
    {
        using var folder = new TemporaryFolder();
        AtomicFile.Write(folder.File("plan.json"), stream => stream.Write("first, longer"u8));
        AtomicFile.Write(folder.File("plan.json"), stream => stream.Write("second"u8));
        Assert.Equal("second", File.ReadAllText(folder.File("plan.json")));
        Assert.Equal(["plan.json"], folder.Names);
    }

    [Fact]
    public void Failed_write_leaves_the_old_file_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        folder.Write("plan.json", "old");
        Assert.Throws<TimeoutException>(() => AtomicFile.Write(folder.File("plan.json"), stream =>
        {
            stream.Write(new byte[3_000_000]);
            throw new TimeoutException();
        }));
        Assert.Equal("old", File.ReadAllText(folder.File("plan.json")));
        Assert.Equal(["plan.json"], folder.Names);
    }

    [Fact]
    public void Symbolic_link_stays_and_its_target_is_replaced()
    {
        using var folder = new TemporaryFolder();
        folder.Write("target", "old");
        File.CreateSymbolicLink(folder.File("link"), "target");
        AtomicFile.Write(folder.File("link"), stream => stream.Write("new"u8));
        Assert.Equal("target", new FileInfo(folder.File("link")).LinkTarget);
        Assert.Equal("new", File.ReadAllText(folder.File("target")));
    }

    [Fact]
    public void Missing_folder_and_a_folder_in_the_place_of_the_file_are_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        var missing = folder.File("absent/plan.json");
        Assert.Equal(missing, Assert.Throws<InvalidInputException>(() => AtomicFile.Write(missing, _ => { })).Where);
        Assert.Equal(folder.Path, Assert.Throws<InvalidInputException>(() => AtomicFile.Write(folder.Path, _ => { })).Where);
        Assert.Empty(folder.Names);
    }

    [Fact]
    public void Device_is_written_to_and_not_replaced()
    {
        Assert.SkipUnless(File.Exists("/dev/null"), "there is no /dev/null");
        AtomicFile.Write("/dev/null", stream => stream.Write("x"u8));
        Assert.Equal(0, new FileInfo("/dev/null").Length);
    }
}
