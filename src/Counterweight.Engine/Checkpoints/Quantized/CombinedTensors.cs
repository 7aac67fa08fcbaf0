using Counterweight.Engine.Experts;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>Two kinds of quantized matrices in one checkpoint.</summary>
internal sealed class CombinedTensors(IStoredTensors first, IStoredTensors second) : IStoredTensors
{
    public IReadOnlyCollection<WeightPlace> Matrices => [.. first.Matrices, .. second.Matrices];

    public StoredFormat? FormatOf(WeightPlace place) => first.FormatOf(place) ?? second.FormatOf(place);

    public ReadOnlyMemory<byte> Read(WeightPlace place, StoredFormat format) => (first.FormatOf(place) is null ? second : first).Read(place, format);

    public IReadOnlyList<string> TensorsOf(string tensor) => first.TensorsOf(tensor) is [_, ..] names ? names : second.TensorsOf(tensor);
}
