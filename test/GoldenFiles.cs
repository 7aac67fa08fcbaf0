namespace Counterweight.Tests;

/// <summary>Finds the reference outputs that lie beside the project root, and the project's own files.</summary>
internal static class GoldenFiles
{
    /// <summary>The folder that holds <c>Counterweight.slnx</c>.</summary>
    public static string ProjectRoot { get; } = FindProjectRoot();

    /// <summary>A file or folder under <c>../shared</c>. Absent: the test is skipped, in CI it fails.</summary>
    public static string Shared(params string[] parts)
    {
        var path = Path.Combine([Path.GetFullPath(Path.Combine(ProjectRoot, "..", "shared")), .. parts]);
        if (!Path.Exists(path))
        {
            var message = $"reference file {path} is missing";
            if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
                Assert.Fail(message);
            Assert.Skip(message);
        }
        return path;
    }

    /// <summary>The same, for the data of a theory: no entries where the folder is absent outside CI.</summary>
    public static IEnumerable<string> SharedEntries(string pattern, params string[] folder)
    {
        var path = Path.Combine([Path.GetFullPath(Path.Combine(ProjectRoot, "..", "shared")), .. folder]);
        if (Directory.Exists(path))
            return Directory.EnumerateFileSystemEntries(path, pattern).Order(StringComparer.Ordinal);
        return Environment.GetEnvironmentVariable("CI") is { Length: > 0 }
            ? throw new DirectoryNotFoundException($"reference folder {path} is missing")
            : [];
    }

    private static string FindProjectRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Counterweight.slnx")))
                return folder.FullName;
        throw new DirectoryNotFoundException("no folder above the tests holds Counterweight.slnx");
    }
}
