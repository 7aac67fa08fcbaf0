using System.Text;

namespace Counterweight.Bench.Peer;

/// <summary>GGUF metadata on its way into a file.</summary>
internal sealed class GgufMetadata
{
    private const uint U32 = 4, I32 = 5, F32 = 6, Bool = 7, Text = 8, Array = 9;

    private readonly List<(string Key, uint Type, Action<BinaryWriter> Write)> _entries = [];

    public void Add(string key, string value) => _entries.Add((key, Text, writer => WriteString(writer, value)));

    public void Add(string key, uint value) => _entries.Add((key, U32, writer => writer.Write(value)));

    public void Add(string key, float value) => _entries.Add((key, F32, writer => writer.Write(value)));

    public void Add(string key, bool value) => _entries.Add((key, Bool, writer => writer.Write(value)));

    public void Add(string key, string[] values) => AddArray(key, Text, values, WriteString);

    public void Add(string key, int[] values) => AddArray(key, I32, values, (writer, value) => writer.Write(value));

    /// <summary>The number of entries, then the entries.</summary>
    public void WriteTo(BinaryWriter writer)
    {
        writer.Write((ulong)_entries.Count);
        foreach (var (key, type, write) in _entries)
        {
            WriteString(writer, key);
            writer.Write(type);
            write(writer);
        }
    }

    public static void WriteString(BinaryWriter writer, string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private void AddArray<T>(string key, uint type, T[] values, Action<BinaryWriter, T> write) => _entries.Add((key, Array, writer =>
    {
        writer.Write(type);
        writer.Write((ulong)values.Length);
        foreach (var value in values)
            write(writer, value);
    }
    ));
}
