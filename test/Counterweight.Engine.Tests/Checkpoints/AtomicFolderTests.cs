using Counterweight.Balancing;

namespace Counterweight.Engine.Tests.Checkpoints;

public sealed class AtomicFolderTests
{
    [Fact]
    public void Files_appear_together_at_the_commit()
    {
        using var parent = new TemporaryFolder();
        var target = parent.File("a/b/out");
        using (var folder = new AtomicFolder(target))
        {
            File.WriteAllText(folder.PathOf("config.json"), "{}");
            Directory.CreateDirectory(folder.PathOf("tables"));
            File.WriteAllText(folder.PathOf("tables/1.csv"), "x");
            Assert.False(Directory.Exists(target));
            folder.Commit();
        }
        Assert.Equal("{}", File.ReadAllText(Path.Combine(target, "config.json")));
        Assert.Equal("x", File.ReadAllText(Path.Combine(target, "tables", "1.csv")));
        Assert.Equal([target], Directory.EnumerateFileSystemEntries(parent.File("a/b")));
    }

    [Fact]
    public void Abandoned_write_leaves_the_former_run_whole_and_nothing_else()
    {
        using var parent = new TemporaryFolder();
        WriteRun(parent.File("out"), "plan.json", "first");
        using (var folder = new AtomicFolder(parent.File("out")))
            File.WriteAllText(folder.PathOf("plan.json"), "second, not committed");
        Assert.Equal("first", File.ReadAllText(parent.File("out/plan.json")));
        Assert.Equal(["out"], parent.Names);
    }

    [Fact]
    public void Later_run_replaces_an_earlier_one_completely()
    {
        using var parent = new TemporaryFolder();
        WriteRun(parent.File("out"), "old.json", "first");
        WriteRun(parent.File("out/"), "new.json", "second");
        Assert.Equal([AtomicFolder.ManifestName, "new.json"],
            Directory.EnumerateFiles(parent.File("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(["out"], parent.Names);
    }

    [Fact]
    public void Link_to_an_earlier_run_stays_a_link()
    {
        using var parent = new TemporaryFolder();
        WriteRun(parent.File("real"), "plan.json", "first");
        Directory.CreateSymbolicLink(parent.File("link"), parent.File("real"));
        WriteRun(parent.File("link"), "plan.json", "second");
        Assert.Equal("second", File.ReadAllText(parent.File("real/plan.json")));
        Assert.Equal(["link", "real"], parent.Names);
        Assert.NotNull(new DirectoryInfo(parent.File("link")).LinkTarget);
    }

    [Fact]
    public void Folder_with_foreign_files_is_refused_by_name_and_kept()
    {
        using var parent = new TemporaryFolder();
        parent.Write("thesis.txt", "years of work");
        var error = Assert.Throws<InvalidInputException>(() => AtomicFolder.CheckWritable(parent.Path));
        Assert.Contains("thesis.txt", error.Message, StringComparison.Ordinal);

        WriteRun(parent.File("out"), "plan.json", "first");
        parent.Write("out/notes.txt", "mine");
        error = Assert.Throws<InvalidInputException>(() => new AtomicFolder(parent.File("out")));
        Assert.Contains("notes.txt", error.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(parent.File("out/notes.txt")));
    }

    [Fact]
    public void Foreign_file_that_appears_during_the_run_stops_the_commit()
    {
        using var parent = new TemporaryFolder();
        WriteRun(parent.File("out"), "plan.json", "first");
        using (var folder = new AtomicFolder(parent.File("out")))
        {
            parent.Write("out/notes.txt", "mine");
            Assert.Throws<InvalidInputException>(folder.Commit);
        }
        Assert.Equal("first", File.ReadAllText(parent.File("out/plan.json")));
        Assert.Equal("mine", File.ReadAllText(parent.File("out/notes.txt")));
        Assert.Equal(["out"], parent.Names);
    }

    [Fact]
    public void Place_that_cannot_be_written_is_refused_early_and_by_name()
    {
        using var parent = new TemporaryFolder();
        var below = Path.Combine(parent.Write("file", ""), "out");
        Assert.Equal(below, Assert.Throws<InvalidInputException>(() => AtomicFolder.CheckWritable(below)).Where);
        Assert.Throws<InvalidInputException>(() => AtomicFolder.CheckWritable(parent.File("file")));
        Assert.Throws<InvalidInputException>(() => AtomicFolder.CheckWritable("/"));
        if (Directory.Exists("/proc/self"))
            Assert.Throws<InvalidInputException>(() => AtomicFolder.CheckWritable("/proc/out"));
        AtomicFolder.CheckWritable(parent.File("new/deeper"));
        Assert.Equal(["file"], parent.Names);
    }

    private static void WriteRun(string target, string file, string text)
    {
        using var folder = new AtomicFolder(target);
        File.WriteAllText(folder.PathOf(file), text);
        folder.Commit();
    }
}
