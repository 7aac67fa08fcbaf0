using System.Buffers.Binary;
using System.Numerics;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>
/// A memory-mapped GGUF file of version 2 or 3 (<c>docs/gguf.md</c> of https://github.com/ggml-org/ggml): magic, counts, metadata, tensor
/// list, data. Everything is checked when it is opened; the data is not read.
/// </summary>
public sealed unsafe class GgufFile : IDisposable
{
    private const uint Magic = 0x4655_4747; // "GGUF"
    private const int FixedBytes = 24;
    private const int MaxKeyBytes = 65535;
    private const int MaxNameBytes = 64;
    private const int MaxDimensions = 4;
    private const int MinEntryBytes = 13;
    private const int MinTensorBytes = 24;
    private const string ArchitectureKey = "general.architecture";
    internal const string SplitNumberKey = "split.no";
    private const string AlignmentKey = "general.alignment";

    private readonly MappedFile _file;
    private readonly Dictionary<string, GgufTensor> _tensors = new(StringComparer.Ordinal);

    private GgufFile(MappedFile file)
    {
        _file = file;
        var reader = new GgufReader(file.Path, file.Pointer, file.Length);
        CheckVersion(ref reader);
        var tensorCount = reader.Count("tensors", MinTensorBytes);
        var entryCount = reader.Count("metadata entries", MinEntryBytes);
        Metadata = new GgufMetadata(file.Path, ReadMetadata(ref reader, entryCount));
        // Of a model in several files only the first one says what it is.
        Architecture = Metadata.Integer(SplitNumberKey, 0) > 0 ? Metadata.String(ArchitectureKey, "") : Metadata.String(ArchitectureKey);
        ReadTensors(ref reader, tensorCount, Alignment());
    }

    /// <summary>Opens a file and checks its whole header.</summary>
    /// <exception cref="InvalidInputException">It can't be opened, or something is wrong with it: the message names key, tensor or byte.</exception>
    public static GgufFile Open(string path)
    {
        var file = MappedFile.Open(path, FixedBytes, $"a GGUF file, which has at least {FixedBytes} bytes");
        try
        {
            return new GgufFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The path that the file was opened by.</summary>
    public string Path => _file.Path;

    /// <summary>2 or 3.</summary>
    public int Version { get; private set; }

    /// <summary><c>general.architecture</c>; perhaps empty in all files of a split model but the first.</summary>
    public string Architecture { get; }

    /// <summary>All metadata.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors => _tensors;

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void CheckVersion(ref GgufReader reader)
    {
        if (reader.Read<uint>("the magic number") != Magic)
            throw reader.Refuse(0, "a file that doesn't start with GGUF", "a GGUF file");
        var version = reader.Read<uint>("the version");
        Version = version switch
        {
            2 or 3 => (int)version,
            1 => throw reader.Refuse(4, "version 1, whose lengths have 32 bits", "version 2 or 3"),
            _ when BinaryPrimitives.ReverseEndianness(version) is > 0 and < 0x10000 => throw reader.Refuse(4, "a big-endian file", "a little-endian one"),
            _ => throw reader.Refuse(4, $"version {version}", "version 2 or 3"),
        };
    }

    private Dictionary<string, GgufValue> ReadMetadata(ref GgufReader reader, long count)
    {
        var values = new Dictionary<string, GgufValue>(StringComparer.Ordinal);
        for (var i = 0L; i < count; i++)
        {
            var begin = reader.Position;
            var key = reader.String("a metadata key", MaxKeyBytes);
            if (!values.TryAdd(key, ReadValue(ref reader, key)))
                throw reader.Refuse(begin, $"key {InputText.Quoted(key)} a second time", "every key once");
        }
        return values;
    }

    private GgufValue ReadValue(ref GgufReader reader, string key)
    {
        var type = ReadType(ref reader, key);
        if (type != GgufValueType.Array)
            return Walk(ref reader, key, type, isArray: false, 1);
        var begin = reader.Position;
        var element = ReadType(ref reader, key);
        if (element == GgufValueType.Array)
            throw reader.Refuse(begin, $"an array of arrays under {InputText.Quoted(key)}", "an array of plain values");
        return Walk(ref reader, key, element, isArray: true, reader.Count($"elements of {InputText.Quoted(key)}", SizeOf(element)));
    }

    private static GgufValueType ReadType(ref GgufReader reader, string key)
    {
        var begin = reader.Position;
        var type = (GgufValueType)reader.Read<uint>("a value type");
        return Enum.IsDefined(type) ? type : throw reader.Refuse(begin, $"value type {(uint)type} of key {InputText.Quoted(key)}", "a type from 0 to 12");
    }

    private GgufValue Walk(ref GgufReader reader, string key, GgufValueType type, bool isArray, long count)
    {
        var begin = reader.Position;
        if (type == GgufValueType.String)
            for (var i = 0L; i < count; i++)
                reader.StringBytes("a string");
        else
            reader.Skip(count * SizeOf(type), "a value");
        if (type == GgufValueType.Bool && new ReadOnlySpan<byte>(_file.Pointer + begin, (int)Math.Min(count, int.MaxValue)).IndexOfAnyExcept((byte)0, (byte)1) is >= 0 and var wrong)
            throw reader.Refuse(begin + wrong, $"the bool {_file.Pointer[begin + wrong]} under {InputText.Quoted(key)}", "0 or 1");
        return new GgufValue(type, isArray, count, _file, begin, reader.Position);
    }

    /// <summary>Bytes of a value; of a string, those of its length.</summary>
    private static int SizeOf(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        _ => 8,
    };

    private long Alignment()
    {
        var alignment = Metadata.Integer(AlignmentKey, 32);
        return alignment >= 8 && BitOperations.IsPow2(alignment) && alignment <= _file.Length
            ? alignment
            : throw Metadata.Refuse(AlignmentKey, "a power of two from 8 to the size of the file");
    }

    private void ReadTensors(ref GgufReader reader, long count, long alignment)
    {
        var infos = new List<TensorInfo>();
        for (var i = 0L; i < count; i++)
            infos.Add(ReadTensor(ref reader, alignment));
        var data = (reader.Position + alignment - 1) / alignment * alignment;
        foreach (var info in infos)
        {
            if (data > _file.Length || info.Offset > _file.Length - data || info.Bytes > _file.Length - data - info.Offset)
                throw Refuse(info.Name, $"{info.Bytes} bytes from {info.Offset} on in {Math.Max(_file.Length - data, 0)} bytes of data", "data within the file");
            if (!_tensors.TryAdd(info.Name, new GgufTensor(info.Name, info.Type, info.Shape, _file, data + info.Offset)))
                throw Refuse(info.Name, "the name a second time", "every name once");
        }
        CheckOverlaps();
    }

    private TensorInfo ReadTensor(ref GgufReader reader, long alignment)
    {
        var name = reader.String("a tensor name", MaxNameBytes);
        var dimensions = reader.Read<uint>("a number of dimensions");
        if (dimensions is 0 or > MaxDimensions)
            throw Refuse(name, $"{dimensions} dimensions", $"1 to {MaxDimensions}");
        var shape = new long[dimensions];
        for (var d = shape.Length - 1; d >= 0; d--)
            shape[d] = reader.Read<long>("a dimension");
        var number = reader.Read<uint>("a tensor type");
        var offset = reader.Read<ulong>("a tensor offset");
        var type = GgmlType.Of(number) ?? throw Refuse(name, $"type {number}", $"one of {string.Join(", ", GgmlType.All.Select(known => known.Name))}");
        var bytes = CheckShape(name, type, shape);
        if (offset > (ulong)_file.Length || offset % (ulong)alignment != 0)
            throw Refuse(name, $"offset {offset}", $"a multiple of {alignment} within the file");
        return new TensorInfo(name, type, shape, bytes, (long)offset);
    }

    /// <summary>The bytes that the tensor takes.</summary>
    private long CheckShape(string name, GgmlType type, long[] shape)
    {
        if (shape.Any(size => size <= 0))
            throw Refuse(name, $"shape {InputText.Shape<long>(shape)}", "dimensions of at least 1");
        if (shape[^1] % type.BlockValues != 0)
            throw Refuse(name, $"rows of {shape[^1]} values", $"a multiple of the {type.BlockValues} values that a block of {type.Name} has");
        var elements = shape.Aggregate(UInt128.One, (product, size) => product > ulong.MaxValue ? product : product * (ulong)size);
        var bytes = elements / (uint)type.BlockValues * (uint)type.BlockBytes;
        return elements <= long.MaxValue && bytes <= (ulong)_file.Length
            ? (long)bytes
            : throw Refuse(name, $"shape {InputText.Shape<long>(shape)} of {type.Name}", $"what fits in a file of {_file.Length} bytes");
    }

    private void CheckOverlaps()
    {
        GgufTensor? before = null;
        foreach (var tensor in _tensors.Values.OrderBy(tensor => tensor.Begin))
        {
            if (before is not null && before.Begin + before.Bytes > tensor.Begin)
                throw Refuse(tensor.Name, $"bytes that tensor {InputText.Quoted(before.Name)} has too", "data of its own");
            before = tensor;
        }
    }

    private readonly record struct TensorInfo(string Name, GgmlType Type, long[] Shape, long Bytes, long Offset);

    private InvalidInputException Refuse(string tensor, string found, string expected) => new($"{Path}, tensor {InputText.Quoted(tensor)}", found, expected);
}
