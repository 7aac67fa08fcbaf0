using Counterweight.Balancing.Plans;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Calibration;

/// <summary>
/// The experts of a model in any precision: stored ones as they are, int8 and int4 with their errors compensated for the activations
/// that calibration saw (Frantar et al. 2022). Those are made once, all together, and kept as codes.
/// </summary>
public sealed class QuantizedExperts : IExpertSource
{
    private readonly MoeModel _model;
    private readonly IReadOnlyList<Precision> _precisions;
    private readonly ExpertWeights[][] _made; // [precisions][layers · experts]

    private QuantizedExperts(MoeModel model, IReadOnlyList<Precision> precisions)
    {
        (_model, _precisions) = (model, precisions);
        _made = [.. precisions.Select(_ => new ExpertWeights[model.Shape.MoeLayers.Count * model.Shape.Experts])];
    }

    /// <summary>Quantizes all experts; the moments in <paramref name="statistics"/> are freed on the way.</summary>
    /// <param name="model">The model.</param>
    /// <param name="statistics">What its experts were given.</param>
    /// <param name="precisions">What to quantize to; only int8 and int4 have errors to compensate, others are made when asked for.</param>
    /// <param name="step">Told (what, done, total).</param>
    /// <param name="cancellation">Ends the work between experts.</param>
    public static QuantizedExperts Make(
        MoeModel model, ActivationStatistics statistics, IEnumerable<Precision> precisions, Action<string, int, int>? step = null, CancellationToken cancellation = default)
    {
        var experts = new QuantizedExperts(model, [.. precisions.Where(p => p is Precision.Int8 or Precision.Int4).Distinct()]);
        var total = model.Shape.MoeLayers.Count * model.Shape.Experts;
        var done = 0;
        model.Context.Pool.Run(new ItemWork((item, _) =>
        {
            cancellation.ThrowIfCancellationRequested();
            experts.MakeOne(item, statistics[item / model.Shape.Experts, item % model.Shape.Experts]);
            step?.Invoke("Quantizing", Interlocked.Increment(ref done), total);
        }), total);
        return experts;
    }

    /// <inheritdoc/>
    public Precision StoredPrecision => _model.OriginalExperts.StoredPrecision;

    /// <inheritdoc/>
    public long StoredBytes(int layer, int expert) => _model.OriginalExperts.StoredBytes(layer, expert);

    /// <inheritdoc/>
    public ExpertWeights Get(int layer, int expert, Precision precision)
    {
        for (var p = 0; p < _precisions.Count; p++)
            if (_precisions[p] == precision)
                return _made[p][layer * _model.Shape.Experts + expert];
        return _model.OriginalExperts.Get(layer, expert, precision);
    }

    private void MakeOne(int item, ExpertStatistics seen)
    {
        var original = Get(item / _model.Shape.Experts, item % _model.Shape.Experts, StoredPrecision);
        var input = SecondMoment.Of(seen.InputMoment, original.Down.Outputs);
        var hidden = SecondMoment.Of(seen.HiddenMoment, original.Down.Inputs);
        seen.ForgetMoments();
        for (var p = 0; p < _precisions.Count; p++)
        {
            var grid = _precisions[p] == Precision.Int4 ? IntegerGrid.Int4 : IntegerGrid.Int8;
            var gate = original.Gate is null ? null : Compensated(original.Gate, input, grid);
            _made[p][item] = new ExpertWeights(gate, Compensated(original.Up, input, grid), Compensated(original.Down, hidden, grid))
            {
                Biases = original.Biases,
            };
        }
    }

    /// <summary>An expert that calibration never reached is rounded to nearest.</summary>
    private static QuantizedMatrix Compensated(QuantizedMatrix original, SecondMoment? moment, IntegerGrid grid)
    {
        var weights = Quantizer.Dequantize(original);
        return moment is null
            ? Quantizer.Quantize(weights, original.Outputs, original.Inputs, grid.Precision)
            : ErrorCompensatedQuantizer.Quantize(weights, original.Outputs, moment, grid);
    }
}
