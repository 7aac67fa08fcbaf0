using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>
/// Activation counts of llama.cpp's <c>llama-imatrix</c> in GGUF form: the tensors <c>blk.N.ffn_…_exps.weight.counts</c> of shape
/// [1][experts].
/// </summary>
internal ref struct ImatrixLoads
{
    private const uint StringType = 8, ArrayType = 9, Float32 = 0;
    private const long MaxEntries = 1 << 20;
    private const int DefaultAlignment = 32;

    // The projections of a layer see the same tokens: the first that is there is taken.
    private static readonly string[] Projections = ["gate_exps", "up_exps", "down_exps", "gate_up_exps"];

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _file;
    private int _at;

    private ImatrixLoads(ReadOnlySpan<byte> bytes, string file)
    {
        _bytes = bytes;
        _file = file;
    }

    public static ImportedLoads Read(ReadOnlySpan<byte> bytes, string file, ImportOptions options)
    {
        var reader = new ImatrixLoads(bytes, file) { _at = 4 };
        var version = reader.UInt32();
        if (version is not (2 or 3))
            throw new InvalidInputException($"{file}: byte 4", $"GGUF version {version}", "2 or 3");
        var (tensors, metadata) = (reader.Count("tensors"), reader.Count("metadata entries"));
        var alignment = reader.Metadata(metadata);
        var counts = reader.Counts(tensors);
        if (counts.Count == 0)
            throw new InvalidInputException(file, "no tensor blk.N.ffn_…_exps.weight.counts",
                "an importance matrix of a MoE model (general.type imatrix)");
        var data = (reader._at + alignment - 1) / alignment * alignment;
        var rows = new LoadRows(file, bytes.Length);
        var window = new List<double[]>(counts.Count);
        foreach (var tensor in counts.Values)
            window.Add(Tensor(bytes, data, tensor, rows));
        rows.Add([.. window], "counts");
        return rows.Finish(options, [.. counts.Keys]);
    }

    // Returns the alignment of tensor data.
    private int Metadata(long entries)
    {
        var alignment = DefaultAlignment;
        for (long i = 0; i < entries; i++)
        {
            var (key, at) = (Text(), _at);
            var type = UInt32();
            var value = type == 4 ? UInt32() : 0;
            if (type != 4)
                Skip(type, depth: 0);
            if (key == "general.alignment")
                alignment = type == 4 && value is > 0 and <= 65536
                    ? (int)value
                    : throw new InvalidInputException($"{_file}: byte {at}", $"an alignment of {value}", "1 to 65536");
        }
        return alignment;
    }

    private SortedDictionary<int, TensorPlace> Counts(long tensors)
    {
        var found = new SortedDictionary<int, TensorPlace>();
        for (long i = 0; i < tensors; i++)
        {
            var (name, at) = (Text(), _at);
            var dimensions = UInt32();
            if (dimensions > 4)
                throw new InvalidInputException($"{_file}: byte {at}", $"{dimensions} dimensions", "at most 4");
            ulong elements = 1;
            for (var d = 0; d < dimensions; d++)
                elements = checked(elements * UInt64());
            var (type, offset) = (UInt32(), UInt64());
            if (LayerOf(name) is not ( >= 0 and var layer, var projection))
                continue;
            if (type != Float32)
                throw new InvalidInputException($"{_file}: {name}", $"type {type}", "F32");
            if (!found.TryGetValue(layer, out var known) || projection < known.Projection)
                found[layer] = new TensorPlace(name, projection, offset, elements);
        }
        return found;
    }

    private static double[] Tensor(ReadOnlySpan<byte> bytes, int data, TensorPlace tensor, LoadRows rows)
    {
        if (tensor.Elements is 0 or > Plans.PlanLimits.MaxExperts || data > bytes.Length || tensor.Offset > (ulong)(bytes.Length - data) ||
            tensor.Elements * 4 > (ulong)(bytes.Length - data) - tensor.Offset)
            throw new InvalidInputException($"{rows.File}: {tensor.Name}", $"{tensor.Elements} numbers at {tensor.Offset}",
                "counts inside the file");
        var values = new double[tensor.Elements];
        for (var e = 0; e < values.Length; e++)
            values[e] = rows.Count(BinaryPrimitives.ReadSingleLittleEndian(bytes[(data + (int)tensor.Offset + 4 * e)..]),
                $"{tensor.Name}[{e}]");
        return values;
    }

    private static (int Layer, int Projection) LayerOf(string name)
    {
        for (var p = 0; p < Projections.Length; p++)
            if (name.StartsWith("blk.", StringComparison.Ordinal)
                && name.EndsWith($".ffn_{Projections[p]}.weight.counts", StringComparison.Ordinal) &&
                int.TryParse(name.AsSpan(4, name.IndexOf('.', 4) - 4), NumberStyles.None, CultureInfo.InvariantCulture, out var layer))
                return (layer, p);
        return (-1, 0);
    }

    private void Skip(uint type, int depth)
    {
        switch (type)
        {
            case StringType:
                Text();
                break;
            case ArrayType when depth == 0:
                var (items, count) = (UInt32(), Count("items"));
                for (long i = 0; i < count; i++)
                    Skip(items, depth + 1);
                break;
            case 0 or 1 or 7: Take(1); break;
            case 2 or 3: Take(2); break;
            case 4 or 5 or 6: Take(4); break;
            case 10 or 11 or 12: Take(8); break;
            default: throw new InvalidInputException($"{_file}: byte {_at - 4}", $"a value of type {type}", "a type of GGUF");
        }
    }

    private long Count(string what) => UInt64() is <= MaxEntries and var count
        ? (long)count
        : throw new InvalidInputException($"{_file}: byte {_at - 8}", $"more than {MaxEntries} {what}", "an importance matrix");

    private string Text()
    {
        var length = UInt64();
        if (length > (ulong)(_bytes.Length - _at))
            throw new InvalidInputException($"{_file}: byte {_at - 8}", $"a string of {length} bytes", "one inside the file");
        return Encoding.UTF8.GetString(Take((int)length));
    }

    private uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    private ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _at)
            throw new InvalidInputException($"{_file}: byte {_at}", "the end of the file", "a whole GGUF header: the file is truncated");
        var taken = _bytes.Slice(_at, count);
        _at += count;
        return taken;
    }

    private readonly record struct TensorPlace(string Name, int Projection, ulong Offset, ulong Elements);
}
