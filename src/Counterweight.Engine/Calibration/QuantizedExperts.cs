using System.Collections.Concurrent;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Calibration;

/// <summary>
/// The experts of a model in any precision: stored ones as they are, quantized ones with their errors compensated for the activations
/// that calibration saw (Frantar et al. 2022). Each is made once and kept as codes.
/// </summary>
public sealed class QuantizedExperts(MoeModel model, ActivationStatistics statistics) : IExpertSource
{
    private readonly ConcurrentDictionary<(int Layer, int Expert, Precision Precision), ExpertWeights> _made = [];

    /// <inheritdoc/>
    public Precision StoredPrecision => model.OriginalExperts.StoredPrecision;

    /// <inheritdoc/>
    public ExpertWeights Get(int layer, int expert, Precision precision) =>
        precision is Precision.Int8 or Precision.Int4
            ? _made.GetOrAdd((layer, expert, precision), key => Make(key.Layer, key.Expert, key.Precision))
            : model.OriginalExperts.Get(layer, expert, precision);

    private ExpertWeights Make(int layer, int expert, Precision precision)
    {
        var original = model.OriginalExperts.Get(layer, expert, StoredPrecision);
        var seen = statistics[layer, expert];
        return new ExpertWeights(
            Compensated(original.Gate, seen.InputMoment, precision),
            Compensated(original.Up, seen.InputMoment, precision),
            Compensated(original.Down, seen.HiddenMoment, precision));
    }

    private static QuantizedMatrix Compensated(QuantizedMatrix original, float[] moment, Precision precision) =>
        ErrorCompensatedQuantizer.Quantize(Quantizer.Dequantize(original), original.Outputs, original.Inputs, moment, precision);
}
