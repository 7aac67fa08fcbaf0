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
    private readonly ConcurrentDictionary<(int Layer, int Expert), (SecondMoment? Input, SecondMoment? Hidden)> _moments = [];

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
        var (input, hidden) = _moments.GetOrAdd((layer, expert), key => MomentsOf(statistics[key.Layer, key.Expert], original.Down));
        var grid = precision == Precision.Int4 ? IntegerGrid.Int4 : IntegerGrid.Int8;
        return new ExpertWeights(Compensated(original.Gate, input, grid), Compensated(original.Up, input, grid), Compensated(original.Down, hidden, grid));
    }

    private static (SecondMoment? Input, SecondMoment? Hidden) MomentsOf(ExpertStatistics seen, QuantizedMatrix down) =>
        (SecondMoment.Of(seen.InputMoment, down.Outputs), SecondMoment.Of(seen.HiddenMoment, down.Inputs));

    /// <summary>An expert that calibration never reached is rounded to nearest.</summary>
    private static QuantizedMatrix Compensated(QuantizedMatrix original, SecondMoment? moment, IntegerGrid grid)
    {
        var weights = Quantizer.Dequantize(original);
        return moment is null
            ? Quantizer.Quantize(weights, original.Outputs, original.Inputs, grid.Precision)
            : ErrorCompensatedQuantizer.Quantize(weights, original.Outputs, moment, grid);
    }
}
