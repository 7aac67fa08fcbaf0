namespace Counterweight.Balancing;

/// <summary>
/// A set of files that appears as a whole or not at all: they are written into a temporary folder beside the target, which
/// <see cref="Commit"/> renames into place. Disposing without a commit removes them and leaves the target as it was. A symbolic link
/// stays one: the folder that it points to is replaced.
/// </summary>
/// <remarks>
/// An existing target is replaced only where it is empty or holds nothing but files that an earlier run wrote (the hidden file
/// <see cref="ManifestName"/> lists them), so that no foreign file is ever lost.
/// </remarks>
public sealed class AtomicFolder : IDisposable
{
    /// <summary>The list of the files that were written, one relative path a line.</summary>
    public const string ManifestName = ".counterweight-files";

    private readonly string _target;

    /// <summary>Makes the temporary folder, and the parents of the target where they are missing.</summary>
    /// <param name="target">The folder that is to appear.</param>
    /// <exception cref="InvalidInputException">The place is not writable, or the target holds files that no earlier run wrote.</exception>
    public AtomicFolder(string target)
    {
        CheckWritable(target);
        _target = FullName(target);
        Path = AtomicFile.TemporaryNameBeside(_target);
        Directory.CreateDirectory(Path);
    }

    /// <summary>The temporary folder: write here.</summary>
    public string Path { get; }

    /// <summary>The place of a file in the temporary folder.</summary>
    public string PathOf(string fileName) => System.IO.Path.Combine(Path, fileName);

    /// <summary>Throws early, before any work is done, where <paramref name="target"/> could not be written at the end.</summary>
    /// <exception cref="InvalidInputException">Its place is not writable, or it holds files that no earlier run wrote.</exception>
    public static void CheckWritable(string target)
    {
        var full = FullName(target);
        if (File.Exists(full))
            throw new InvalidInputException(target, "a file", "the name of a folder to write");
        var parent = System.IO.Path.GetDirectoryName(full)
            ?? throw new InvalidInputException(target, "the root folder", "a folder below it");
        while (!System.IO.Path.Exists(parent))
            parent = System.IO.Path.GetDirectoryName(parent)!;
        var probe = AtomicFile.TemporaryNameBeside(System.IO.Path.Combine(parent, "probe"));
        try
        {
            if (Directory.Exists(full) && ForeignFile(full) is { } foreign)
                throw new InvalidInputException(target, $"a folder with a file that no earlier run wrote: {foreign}",
                    "a new or empty folder, or one that an earlier run wrote");
            Directory.CreateDirectory(probe);
            Directory.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(target, $"no access ({e.Message})", "a folder name in a writable place", e);
        }
    }

    /// <summary>Flushes all files to the disk and puts the folder into place; the former target goes only after that.</summary>
    /// <exception cref="InvalidInputException">A foreign file has meanwhile appeared in the target.</exception>
    public void Commit()
    {
        var files = RelativeFiles(Path).Order(StringComparer.Ordinal).ToList();
        AtomicFile.Write(PathOf(ManifestName), stream =>
        {
            using var lines = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
            foreach (var file in files)
                lines.WriteLine(file);
        });
        foreach (var file in files)
            using (var handle = File.OpenHandle(PathOf(file), FileMode.Open, FileAccess.ReadWrite))
                RandomAccess.FlushToDisk(handle);
        Replace();
    }

    /// <summary>Removes the temporary folder if it was not committed.</summary>
    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }

    private void Replace()
    {
        if (!Directory.Exists(_target))
        {
            Directory.Move(Path, _target);
            return;
        }
        CheckWritable(_target);
        var former = AtomicFile.TemporaryNameBeside(_target);
        Directory.Move(_target, former);
        try
        {
            Directory.Move(Path, _target);
        }
        catch
        {
            Directory.Move(former, _target);
            throw;
        }
        Directory.Delete(former, recursive: true);
    }

    private static string FullName(string target)
    {
        var folder = new DirectoryInfo(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(target)));
        return folder.LinkTarget is null ? folder.FullName : folder.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
    }

    private static string? ForeignFile(string folder)
    {
        var manifest = System.IO.Path.Combine(folder, ManifestName);
        var written = File.Exists(manifest) ? File.ReadAllLines(manifest).ToHashSet(StringComparer.Ordinal) : [];
        return RelativeFiles(folder).FirstOrDefault(file => file != ManifestName && !written.Contains(file));
    }

    private static IEnumerable<string> RelativeFiles(string folder) =>
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => System.IO.Path.GetRelativePath(folder, file));
}
