using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>ggml's block types as formats of weights.</summary>
public static class GgmlFormats
{
    internal const string Prefix = "ggml.";

    private static readonly Dictionary<GgmlType, StoredFormat> ByType = GgmlType.All.Where(type => type.IsBlocks)
        .ToDictionary(type => type, type => (StoredFormat?)GgmlIntegerFormat.TryOf(type) ?? new GgmlFormat(type));

    /// <summary>All of them.</summary>
    public static IReadOnlyCollection<StoredFormat> All => ByType.Values;

    /// <summary>The format of a type that has blocks.</summary>
    public static StoredFormat Of(GgmlType type) => ByType[type];

    internal static long Bytes(GgmlType type, int outputs, int inputs) => inputs % type.BlockValues == 0
        ? type.BytesOf((long)outputs * inputs)
        : throw new ArgumentException($"rows of {inputs} in blocks of {type.BlockValues}", nameof(inputs));
}
