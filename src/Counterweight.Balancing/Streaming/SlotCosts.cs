using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.Streaming;

/// <summary>What a change of experts costs besides balance.</summary>
internal sealed class SlotCosts
{
    private readonly ExpertCosts _bytes;
    private readonly IReadOnlyDictionary<Precision, double[][]>? _errors;

    /// <param name="bytes">Bytes of an expert by precision.</param>
    /// <param name="errors">Distortion for each token that meets a precision, [layers][experts] in any unit; null takes what is expected of
    /// normally distributed weights.</param>
    /// <param name="moveCost">Device imbalance for one expert in the checkpoint's precision; 0 for moves without regard.</param>
    /// <param name="options">Precisions kept or free.</param>
    public SlotCosts(ExpertCosts bytes, IReadOnlyDictionary<Precision, double[][]>? errors, double moveCost, StreamingOptions options)
    {
        (_bytes, _errors, MoveCost) = (bytes, errors, moveCost);
        KeepPrecisions = options.KeepPrecisions;
        DistortionCost = options.KeepPrecisions ? 0 : options.DistortionCost;
    }

    public double MoveCost { get; }

    public bool KeepPrecisions { get; }

    public double DistortionCost { get; }

    /// <summary>The cost of moving one expert of that precision, in device imbalance.</summary>
    public double MoveOf(Precision precision) => MoveCost * _bytes.Bytes[precision] / _bytes.Bytes[_bytes.Original];

    public long BytesOf(Precision precision) => _bytes.Bytes[precision];

    public double ErrorOf(int layer, int expert, Precision precision) =>
        precision == _bytes.Original ? 0 :
        _errors is not null && _errors.TryGetValue(precision, out var measured) ? measured[layer][expert] :
        PrecisionAssignment.RelativeError(precision);
}
