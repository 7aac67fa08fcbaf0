using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.Streaming;

/// <summary>What a change of experts costs besides balance.</summary>
internal sealed class SlotCosts
{
    private readonly ExpertCosts _bytes;
    private readonly long[][] _capacity; // [layers][slots] of the first plan
    private readonly double[] _moveCost; // [layers] for each byte
    private readonly IReadOnlyDictionary<Precision, double[][]>? _errors;

    /// <param name="first">The plan that slots were laid out for.</param>
    /// <param name="bytes">Bytes of an expert by precision.</param>
    /// <param name="errors">Distortion for each token that meets a precision, [layers][experts] in any unit; null takes what is expected of
    /// normally distributed weights.</param>
    /// <param name="moveCost">Device imbalance for all bytes of a layer; 0 for moves without regard.</param>
    /// <param name="options">Precisions kept or free.</param>
    public SlotCosts(Plan first, ExpertCosts bytes, IReadOnlyDictionary<Precision, double[][]>? errors, double moveCost, StreamingOptions options)
    {
        (_bytes, _errors) = (bytes, errors);
        _capacity = [.. first.Layers.Select((layer, l) => layer.Slots.Select(slot => bytes.Of(l, slot.Expert, slot.Precision)).ToArray())];
        _moveCost = Array.ConvertAll(_capacity, slots => moveCost / slots.Sum());
        KeepPrecisions = options.KeepPrecisions;
        DistortionCost = options.KeepPrecisions ? 0 : options.DistortionCost;
    }

    public bool KeepPrecisions { get; }

    public double DistortionCost { get; }

    /// <summary>Whether an expert is no larger than what the slot was laid out for; sizes differ where a checkpoint mixes formats.</summary>
    public bool Fits(int layer, int slot, int expert, Precision precision) => _bytes.Of(layer, expert, precision) <= _capacity[layer][slot];

    /// <summary>The cost of moving an expert in that precision, in device imbalance.</summary>
    public double MoveOf(int layer, int expert, Precision precision) =>
        _moveCost[layer] * _bytes.Of(layer, expert, precision);

    public long BytesOf(int layer, int expert, Precision precision) => _bytes.Of(layer, expert, precision);

    public double ErrorOf(int layer, int expert, Precision precision) =>
        precision == _bytes.Original ? 0 :
        _errors is not null && _errors.TryGetValue(precision, out var measured) ? measured[layer][expert] :
        PrecisionAssignment.RelativeError(precision);
}
