namespace Counterweight.Balancing;

/// <summary>Writes files that are either whole or not there: a failed write leaves what stood there before.</summary>
public static class AtomicFile
{
    private const int BufferBytes = 1 << 20;

    /// <summary>
    /// Writes to a temporary name in the same folder, flushes to the disk and renames. A symbolic link stays one: its target is replaced.
    /// Devices, which is what lies under <c>/dev/</c> but for the files in <c>/dev/shm</c>, are written to directly.
    /// </summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="write">Writes the content. What it throws passes through after the temporary file is gone.</param>
    /// <exception cref="InvalidInputException">The folder is missing or not writable, or a folder has this name.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (IsDevice(path))
        {
            using var device = new FileStream(path, FileMode.Open, FileAccess.Write);
            write(device);
            return;
        }
        var target = TargetOf(path);
        var temporary = TemporaryNameBeside(target);
        var stream = Create(path, temporary);
        try
        {
            using (stream)
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Throws early, before any work is done, where <paramref name="path"/> could not be written at the end.</summary>
    /// <exception cref="InvalidInputException">The folder is missing or not writable, or a folder has this name.</exception>
    public static void CheckWritable(string path)
    {
        if (IsDevice(path))
            return;
        var probe = TemporaryNameBeside(TargetOf(path));
        Create(path, probe).Dispose();
        File.Delete(probe);
    }

    private static bool IsDevice(string path) =>
        path.StartsWith("/dev/", StringComparison.Ordinal) && !path.StartsWith("/dev/shm/", StringComparison.Ordinal);

    private static string TargetOf(string path)
    {
        var file = new FileInfo(path);
        var target = file.LinkTarget is null ? file.FullName : file.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        return Directory.Exists(target) ? throw new InvalidInputException(path, "a folder", "the name of a file to write") : target;
    }

    /// <summary>A hidden name in the same folder that nobody else uses.</summary>
    internal static string TemporaryNameBeside(string path) =>
        Path.Combine(Path.GetDirectoryName(path) ?? path, $".{Path.GetFileName(path)}.{Path.GetRandomFileName()}.tmp");

    private static FileStream Create(string path, string temporary)
    {
        try
        {
            return new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(path, $"a file that can't be created ({e.Message})", "a writable folder", e);
        }
    }
}
