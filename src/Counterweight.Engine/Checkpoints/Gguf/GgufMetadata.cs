using System.Globalization;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>
/// The metadata of a GGUF file. Values are checked when the file is opened and decoded when they are asked for. Getters throw an
/// <see cref="InvalidInputException"/> that names file and key where a required key is absent or has another type.
/// </summary>
public sealed class GgufMetadata
{
    private readonly string _file;
    private readonly Dictionary<string, GgufValue> _values;

    internal GgufMetadata(string file, Dictionary<string, GgufValue> values) => (_file, _values) = (file, values);

    /// <summary>The file that holds it.</summary>
    public string File => _file;

    /// <summary>All keys.</summary>
    public IEnumerable<string> Keys => _values.Keys;

    /// <summary>Whether the key is there.</summary>
    public bool Has(string key) => _values.ContainsKey(key);

    /// <summary>The value's type, or null where the key is absent.</summary>
    public GgufValueType? TypeOf(string key) => _values.TryGetValue(key, out var value) ? value.Type : null;

    /// <summary>A string. Without a fallback the key is required.</summary>
    public string String(string key, string? fallback = null) => Get(key, fallback, "a string", value => value.AsString());

    /// <summary>An integer of any width. Without a fallback the key is required.</summary>
    public long Integer(string key, long? fallback = null) => Get<long?>(key, fallback, "an integer", value => value.AsInteger())!.Value;

    /// <summary>A number of any type. Without a fallback the key is required.</summary>
    public double Number(string key, double? fallback = null) => Get<double?>(key, fallback, "a number", value => value.AsNumber())!.Value;

    /// <summary>True or false. Without a fallback the key is required.</summary>
    public bool Bool(string key, bool? fallback = null) => Get<bool?>(key, fallback, "a bool", value => value.AsBool())!.Value;

    /// <summary>An array of strings. Without a fallback the key is required.</summary>
    public string[] Strings(string key, string[]? fallback = null) => Get(key, fallback, "an array of strings", value => value.AsStrings());

    /// <summary>An array of integers; a lone integer is an array of one. Without a fallback the key is required.</summary>
    public long[] Integers(string key, long[]? fallback = null) => Get(key, fallback, "an array of integers", value => value.AsIntegers());

    /// <summary>An array of numbers. Without a fallback the key is required.</summary>
    public double[] Numbers(string key, double[]? fallback = null) => Get(key, fallback, "an array of numbers", value => value.AsNumbers());

    /// <summary>The value in short, for messages.</summary>
    public string Describe(string key) => _values.TryGetValue(key, out var value) ? value.Describe() : "nothing";

    /// <summary>An error about the value under the key.</summary>
    public InvalidInputException Refuse(string key, string expected) => new($"{_file}, key {InputText.Quoted(key)}", Describe(key), expected);

    private T Get<T>(string key, T? fallback, string expected, Func<GgufValue, T?> read)
    {
        if (!_values.TryGetValue(key, out var value))
            return fallback ?? throw Refuse(key, expected);
        try
        {
            return read(value) ?? throw Refuse(key, expected);
        }
        catch (ArgumentException e) // bytes that are not UTF-8
        {
            throw new InvalidInputException($"{_file}, key {InputText.Quoted(key)}", e.Message, expected, e);
        }
    }
}

/// <summary>A value where it lies in the mapped file, after all checks but those of its text.</summary>
/// <param name="Type">The type; for an array that of its elements.</param>
/// <param name="IsArray">Whether it is an array.</param>
/// <param name="Count">Elements; 1 for a lone value.</param>
/// <param name="Memory">The mapped file.</param>
/// <param name="Begin">The first element.</param>
/// <param name="End">One past the last byte.</param>
internal sealed unsafe record GgufValue(GgufValueType Type, bool IsArray, long Count, TensorMemory Memory, long Begin, long End)
{
    private static readonly System.Text.UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public string? AsString() => !IsArray && Type == GgufValueType.String ? ReadStrings()[0] : null;

    public long? AsInteger() => IsArray ? null : AsIntegers()?[0];

    public double? AsNumber() => IsArray ? null : AsNumbers()?[0];

    public bool? AsBool() => !IsArray && Type == GgufValueType.Bool ? Memory.Pointer[Begin] != 0 : null;

    public string[]? AsStrings() => IsArray && Type == GgufValueType.String ? ReadStrings() : null;

    public long[]? AsIntegers() => Type switch
    {
        GgufValueType.UInt8 => Read<byte, long>(),
        GgufValueType.Int8 => Read<sbyte, long>(),
        GgufValueType.UInt16 => Read<ushort, long>(),
        GgufValueType.Int16 => Read<short, long>(),
        GgufValueType.UInt32 => Read<uint, long>(),
        GgufValueType.Int32 => Read<int, long>(),
        GgufValueType.UInt64 => Read<ulong, long>(),
        GgufValueType.Int64 => Read<long, long>(),
        GgufValueType.Bool when IsArray => Read<byte, long>(),
        _ => null,
    };

    public double[]? AsNumbers() => Type switch
    {
        GgufValueType.Float32 => Read<float, double>(),
        GgufValueType.Float64 => Read<double, double>(),
        GgufValueType.Bool => null,
        _ => AsIntegers() is { } integers ? Array.ConvertAll(integers, value => (double)value) : null,
    };

    public string Describe() => IsArray ? $"an array of {Count} {Type}"
        : Type == GgufValueType.String ? InputText.Quoted(System.Text.Encoding.UTF8.GetString(new ReadOnlySpan<byte>(Memory.Pointer + Begin + sizeof(ulong), (int)Math.Min(End - Begin - sizeof(ulong), 1000))))
        : Type == GgufValueType.Bool ? AsBool() == true ? "true" : "false"
        : AsNumber() is { } number ? number.ToString(CultureInfo.InvariantCulture)
        : $"a {Type}";

    private TOut[] Read<TIn, TOut>() where TIn : unmanaged, System.Numerics.INumber<TIn> where TOut : System.Numerics.INumber<TOut>
    {
        var values = new TOut[Count];
        var source = Memory.Pointer + Begin;
        for (var i = 0; i < values.Length; i++)
            values[i] = TOut.CreateSaturating(System.Runtime.CompilerServices.Unsafe.ReadUnaligned<TIn>(source + (long)i * sizeof(TIn)));
        return values;
    }

    private string[] ReadStrings()
    {
        var values = new string[Count];
        var next = Memory.Pointer + Begin;
        for (var i = 0; i < values.Length; i++)
        {
            var bytes = (int)System.Runtime.CompilerServices.Unsafe.ReadUnaligned<ulong>(next);
            values[i] = Strict.GetString(next + sizeof(ulong), bytes);
            next += sizeof(ulong) + bytes;
        }
        return values;
    }
}
