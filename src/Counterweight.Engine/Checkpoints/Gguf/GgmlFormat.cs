using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>Rows of ggml's blocks, as GGUF files hold them.</summary>
public sealed unsafe class GgmlFormat : RowFormat
{
    private const string Prefix = "ggml.";

    private readonly GgmlType _type;

    private GgmlFormat(GgmlType type) => _type = type;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<GgmlFormat> All { get; } = [.. GgmlType.All.Where(type => type.IsBlocks).Select(type => new GgmlFormat(type))];

    /// <summary>The format of a type that has blocks.</summary>
    public static GgmlFormat Of(GgmlType type) => All.First(format => format._type == type);

    /// <inheritdoc/>
    public override string Name => Prefix + _type.Name;

    /// <inheritdoc/>
    public override long Bytes(int outputs, int inputs) => inputs % _type.BlockValues == 0
        ? _type.BytesOf((long)outputs * inputs)
        : throw new ArgumentException($"rows of {inputs} in blocks of {_type.BlockValues}", nameof(inputs));

    /// <inheritdoc/>
    protected override void DecodeStretch(in StoredCodes codes, int row, int firstInput, int count, float* values) =>
        _type.Decode(codes.Pointer + _type.BytesOf((long)row * codes.Inputs + firstInput), new Span<float>(values, count));
}
