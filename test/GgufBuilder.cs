using System.Runtime.InteropServices;
using System.Text;
using Counterweight.Engine.Checkpoints.Gguf;

namespace Counterweight.Tests;

/// <summary>Writes GGUF files for tests.</summary>
internal sealed class GgufBuilder
{
    private const int Alignment = 32;

    private readonly List<(string Key, Action<BinaryWriter> Value)> _metadata = [];
    private readonly List<(string Name, long[] Shape, uint Type, byte[] Data)> _tensors = [];

    /// <param name="architecture">Null: none, as in the later files of a split model.</param>
    public GgufBuilder(string? architecture)
    {
        if (architecture is not null)
            Add("general.architecture", architecture);
    }

    public GgufBuilder Add<T>(string key, T value) where T : notnull
    {
        _metadata.Add((key, writer =>
        {
            writer.Write((uint)TypeOf(value));
            WriteValue(writer, value);
        }
        ));
        return this;
    }

    public GgufBuilder Add<T>(string key, T first, T second, params T[] rest) where T : notnull => AddArray(key, [first, second, .. rest]);

    public GgufBuilder AddArray<T>(string key, IReadOnlyCollection<T> values) where T : notnull
    {
        _metadata.Add((key, writer =>
        {
            writer.Write((uint)GgufValueType.Array);
            writer.Write((uint)TypeOf<object>(values.FirstOrDefault() is { } some ? some : 0));
            writer.Write((ulong)values.Count);
            foreach (var value in values)
                WriteValue(writer, value);
        }
        ));
        return this;
    }

    /// <param name="name">Its name.</param>
    /// <param name="shape">Dimensions, the slowest first.</param>
    /// <param name="values">F32.</param>
    public GgufBuilder AddTensor(string name, long[] shape, float[] values) => AddTensor(name, shape, 0, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    public GgufBuilder AddTensor(string name, long[] shape, uint type, byte[] data)
    {
        _tensors.Add((name, shape, type, data));
        return this;
    }

    public string Write(string path, uint version = 3)
    {
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write("GGUF"u8);
        writer.Write(version);
        writer.Write((ulong)_tensors.Count);
        writer.Write((ulong)_metadata.Count);
        foreach (var (key, value) in _metadata)
        {
            WriteValue(writer, key);
            value(writer);
        }
        var offset = 0UL;
        foreach (var (name, shape, type, data) in _tensors)
        {
            WriteValue(writer, name);
            writer.Write((uint)shape.Length);
            foreach (var size in shape.Reverse())
                writer.Write(size);
            writer.Write(type);
            writer.Write(offset);
            offset += (ulong)(data.Length + Alignment - 1) / Alignment * Alignment;
        }
        foreach (var (_, _, _, data) in _tensors)
        {
            while (writer.BaseStream.Position % Alignment != 0)
                writer.Write((byte)0);
            writer.Write(data);
        }
        return path;
    }

    private static void WriteValue(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case string text:
                var bytes = Encoding.UTF8.GetBytes(text);
                writer.Write((ulong)bytes.Length);
                writer.Write(bytes);
                break;
            case byte v: writer.Write(v); break;
            case sbyte v: writer.Write(v); break;
            case ushort v: writer.Write(v); break;
            case short v: writer.Write(v); break;
            case uint v: writer.Write(v); break;
            case int v: writer.Write(v); break;
            case ulong v: writer.Write(v); break;
            case long v: writer.Write(v); break;
            case float v: writer.Write(v); break;
            case double v: writer.Write(v); break;
            case bool v: writer.Write(v); break;
            default: throw new ArgumentException($"{value.GetType()}");
        }
    }

    private static GgufValueType TypeOf<T>(T value) where T : notnull => value switch
    {
        string => GgufValueType.String,
        byte => GgufValueType.UInt8,
        sbyte => GgufValueType.Int8,
        ushort => GgufValueType.UInt16,
        short => GgufValueType.Int16,
        uint => GgufValueType.UInt32,
        int => GgufValueType.Int32,
        ulong => GgufValueType.UInt64,
        long => GgufValueType.Int64,
        float => GgufValueType.Float32,
        double => GgufValueType.Float64,
        bool => GgufValueType.Bool,
        _ => throw new ArgumentException($"{value.GetType()}"),
    };
}
