using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies;

/// <summary>
/// Predicts what precisions cost in quality: the loss of an expert at a precision times the share of its squared gate weight that goes
/// to the copies of that precision. Copies are served in gate order, the largest gate weights by the best precision.
/// </summary>
internal sealed class PrecisionLoss
{
    private readonly double[][]?[] _loss; // [precisions][layers][experts]; null where there is none
    private readonly double[][][]? _shares; // [layers][experts][points]
    private readonly Precision _original;

    /// <summary>Losses as measured; those below 0 are noise, and the checkpoint's own precision costs nothing.</summary>
    public PrecisionLoss(Precision original, ExpertImportance importance)
    {
        _shares = importance.GateShare;
        _loss = new double[][]?[PrecisionNames.All.Count];
        foreach (var (precision, loss) in importance.Loss)
            _loss[(int)precision] = [.. loss.Select(layer => layer.Select(value => Math.Max(0, value)).ToArray())];
        _original = original;
    }

    /// <summary>The loss if all tokens of an expert go to this precision, nats per token.</summary>
    public double Of(int layer, int expert, Precision precision)
    {
        if (precision == _original)
            return 0;
        return _loss[(int)precision] is { } loss
            ? loss[layer][expert]
            : throw new InvalidInputException("importance", $"no loss measured at {precision.Name()}", "a loss for every precision of the plan");
    }

    /// <summary>The share of the squared gate weight that the copy of this rank serves, of <paramref name="copies"/> with equal quotas.</summary>
    public double Share(int layer, int expert, int rank, int copies)
    {
        if (_shares is not { } shares)
            return 1.0 / copies;
        return Cumulative(shares[layer][expert], (double)(rank + 1) / copies) - Cumulative(shares[layer][expert], (double)rank / copies);
    }

    /// <summary>The loss of planned slots, summed over all layers.</summary>
    public double Sum(IReadOnlyList<IReadOnlyList<ExpertCopy>> layers)
    {
        double sum = 0;
        for (var l = 0; l < layers.Count; l++)
            foreach (var copies in layers[l].GroupBy(copy => copy.Expert))
            {
                var (rank, count) = (0, copies.Count());
                foreach (var precision in copies.Select(copy => copy.Precision).Order())
                    sum += Share(l, copies.Key, rank++, count) * Of(l, copies.Key, precision);
            }
        return sum;
    }

    private static double Cumulative(double[] points, double fraction)
    {
        var position = fraction * (points.Length - 1);
        var below = Math.Min((int)position, points.Length - 2);
        return points[below] + (position - below) * (points[below + 1] - points[below]);
    }
}
