using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints;

/// <summary>Reads and checks the JSON header of a safetensors file. Nothing in it is trusted.</summary>
internal ref struct SafetensorsHeader
{
    /// <summary>The largest header that the format allows.</summary>
    public const int MaxBytes = 100_000_000;

    /// <summary>The header starts after its length.</summary>
    public const int LengthBytes = 8;

    /// <summary>The one key that is no tensor.</summary>
    public const string MetadataKey = "__metadata__";
    private const int MaxRank = 64;

    private readonly string _file;
    private readonly long _dataBytes;
    private Utf8JsonReader _reader;

    private SafetensorsHeader(string file, ReadOnlySpan<byte> json, long dataBytes)
    {
        _file = file;
        _dataBytes = dataBytes;
        _reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 3 });
    }

    /// <summary>The tensors by name, and the metadata.</summary>
    /// <param name="file">The file that messages name.</param>
    /// <param name="json">The header without its length.</param>
    /// <param name="dataBytes">Bytes that follow the header: tensors fill them without holes or overlaps.</param>
    public static (Dictionary<string, TensorEntry> Tensors, Dictionary<string, string> Metadata) Parse(
        string file, ReadOnlySpan<byte> json, long dataBytes)
    {
        if (!Utf8.IsValid(json))
            throw new InvalidInputException($"{file}, header", "bytes that are not UTF-8", "a JSON object in UTF-8");
        var header = new SafetensorsHeader(file, json, dataBytes);
        try
        {
            var result = header.ReadAll();
            header.CheckLayout(result.Tensors.Values);
            return result;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string with an escaped lone surrogate.
            var where = $"{file}, byte {LengthBytes + header._reader.BytesConsumed}";
            throw new InvalidInputException(where, e.Message, "a valid JSON header", e);
        }
    }

    private (Dictionary<string, TensorEntry> Tensors, Dictionary<string, string> Metadata) ReadAll()
    {
        var tensors = new Dictionary<string, TensorEntry>(StringComparer.Ordinal);
        Dictionary<string, string>? metadata = null;
        _reader.Read();
        Expect(JsonTokenType.StartObject, "header", "a JSON object");
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = _reader.GetString()!;
            _reader.Read();
            if (name == MetadataKey ? metadata is not null : tensors.ContainsKey(name))
                throw Refuse($"a second {InputText.Quoted(name)}", "every name once");
            if (name == MetadataKey)
                metadata = ReadMetadata();
            else
                tensors.Add(name, ReadTensor(name));
        }
        _reader.Read();
        return (tensors, metadata ?? []);
    }

    private Dictionary<string, string> ReadMetadata()
    {
        Expect(JsonTokenType.StartObject, MetadataKey, "an object of strings");
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = _reader.GetString()!;
            _reader.Read();
            Expect(JsonTokenType.String, $"{MetadataKey} entry {InputText.Quoted(key)}", "a string");
            if (!metadata.TryAdd(key, _reader.GetString()!))
                throw Refuse($"a second {MetadataKey} entry {InputText.Quoted(key)}", "every key once");
        }
        return metadata;
    }

    private TensorEntry ReadTensor(string name)
    {
        var tensor = $"tensor {InputText.Quoted(name)}";
        Expect(JsonTokenType.StartObject, tensor, "an object with dtype, shape and data_offsets");
        DType? type = null;
        long[]? shape = null, offsets = null;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = _reader.GetString()!;
            _reader.Read();
            switch (field)
            {
                case "dtype" when type is null: type = ReadDType(tensor); break;
                case "shape" when shape is null: shape = ReadIntegers($"shape of {tensor}", MaxRank); break;
                case "data_offsets" when offsets is null: offsets = ReadIntegers($"data_offsets of {tensor}", 2); break;
                default: throw Refuse($"field {InputText.Quoted(field)} of {tensor}", "dtype, shape and data_offsets, each once");
            }
        }
        var missing = type is null ? "dtype" : shape is null ? "shape" : offsets is null ? "data_offsets" : null;
        return missing is null
            ? CheckTensor(name, type!.Value, shape!, offsets!)
            : throw Refuse($"{tensor} without {missing}", "dtype, shape and data_offsets");
    }

    private DType ReadDType(string tensor)
    {
        Expect(JsonTokenType.String, $"dtype of {tensor}", "a string");
        var name = _reader.GetString()!;
        return DTypes.TryParse(name, out var type)
            ? type
            : throw Refuse($"dtype {InputText.Quoted(name)} of {tensor}", $"one of {string.Join(", ", DTypes.All)}");
    }

    private long[] ReadIntegers(string what, int maxCount)
    {
        Expect(JsonTokenType.StartArray, what, "an array of integers");
        var values = new List<long>();
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            if (_reader.TokenType != JsonTokenType.Number || !_reader.TryGetInt64(out var value) || value < 0)
                throw Refuse($"{_reader.TokenType} {InputText.Quoted(ValueText())} in {what}", "an integer from 0 to 2^63 - 1");
            if (values.Count == maxCount)
                throw Refuse($"more than {maxCount} entries in {what}", $"at most {maxCount}");
            values.Add(value);
        }
        return [.. values];
    }

    private readonly TensorEntry CheckTensor(string name, DType type, long[] shape, long[] offsets)
    {
        var where = $"{_file}, tensor {InputText.Quoted(name)}";
        if (offsets.Length != 2 || offsets[0] > offsets[1])
            throw new InvalidInputException(where, $"data_offsets {InputText.Shape<long>(offsets)}", "[begin, end] with begin <= end");
        if (offsets[1] > _dataBytes)
            throw new InvalidInputException(where, $"data that ends at byte {offsets[1]}", $"an end within the {_dataBytes} bytes of data");
        var measured = DTypes.TryMeasure(type, shape, out var elements, out var bytes);
        if (!measured || bytes != offsets[1] - offsets[0])
            throw new InvalidInputException(where, $"{offsets[1] - offsets[0]} bytes of data",
                $"{(measured ? $"{bytes} bytes" : "a possible shape")}, for {type.Name()} of shape {InputText.Shape<long>(shape)}");
        return new TensorEntry(name, type, shape, elements, offsets[0], offsets[1]);
    }

    private readonly void CheckLayout(IEnumerable<TensorEntry> tensors)
    {
        var reached = 0L;
        foreach (var tensor in tensors.OrderBy(t => t.Begin).ThenBy(t => t.End))
        {
            if (tensor.Begin != reached)
                throw new InvalidInputException($"{_file}, tensor {InputText.Quoted(tensor.Name)}",
                    tensor.Begin < reached
                        ? $"begin {tensor.Begin}, inside the tensor before it"
                        : $"a hole before its begin {tensor.Begin}",
                    $"begin {reached}, where the tensor before it ends");
            reached = tensor.End;
        }
        if (reached != _dataBytes)
            throw new InvalidInputException(_file, $"{_dataBytes} bytes of data", $"{reached} bytes, where the last tensor ends");
    }

    private readonly void Expect(JsonTokenType token, string what, string expected)
    {
        if (_reader.TokenType != token)
            throw Refuse($"{_reader.TokenType} as {what}", expected);
    }

    private readonly InvalidInputException Refuse(string found, string expected) =>
        new($"{_file}, byte {LengthBytes + _reader.TokenStartIndex}", found, expected);

    private readonly string ValueText() => Encoding.UTF8.GetString(_reader.ValueSpan[..Math.Min(_reader.ValueSpan.Length, 200)]);
}
