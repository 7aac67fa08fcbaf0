namespace Counterweight.Fuzz;

/// <summary>A folder of this process, in memory where the machine has such a place, for readers that take a path.</summary>
internal sealed class InputFolder
{
    private const string SharedMemory = "/dev/shm";

    private readonly string _path = Directory.CreateDirectory(
        Path.Combine(Directory.Exists(SharedMemory) ? SharedMemory : Path.GetTempPath(), $"counterweight-fuzz-{Environment.ProcessId}-{Guid.NewGuid():N}")).FullName;

    public InputFolder() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(_path, recursive: true);

    public override string ToString() => _path;

    /// <summary>Writes a file of the folder and returns its path.</summary>
    public string Write(string name, byte[] content)
    {
        var path = Path.Combine(_path, name);
        File.WriteAllBytes(path, content);
        return path;
    }
}
