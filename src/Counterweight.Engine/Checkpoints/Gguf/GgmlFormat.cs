using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>Rows of ggml's blocks, as GGUF files hold them.</summary>
internal sealed unsafe class GgmlFormat(GgmlType type) : RowFormat
{
    public override string Name => GgmlFormats.Prefix + type.Name;

    public override long Bytes(int outputs, int inputs) => GgmlFormats.Bytes(type, outputs, inputs);

    protected override void DecodeStretch(in StoredCodes codes, int row, int firstInput, int count, float* values) =>
        type.Decode(codes.Pointer + type.BytesOf((long)row * codes.Inputs + firstInput), new Span<float>(values, count));
}
