using System.Globalization;
using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;

namespace Counterweight.Evaluation.Verification;

/// <summary>How far a tensor is from its reference.</summary>
/// <param name="Tensor">The reference tensor's name.</param>
/// <param name="LargestDifference">Largest absolute difference; for ids the number of places that differ.</param>
/// <param name="Tolerance">The most that is allowed.</param>
public readonly record struct TensorDifference(string Tensor, double LargestDifference, double Tolerance)
{
    /// <summary>Whether the tensor agrees; a NaN never does.</summary>
    public bool Agrees => LargestDifference <= Tolerance;
}

/// <summary>Compares what a model computes with the tensors of a reference file; what the file lacks is left out.</summary>
internal sealed class GoldenComparison(SafetensorsFile golden, double tolerance)
{
    private readonly List<TensorDifference> _differences = [];

    public SafetensorsFile File => golden;

    public IReadOnlyList<TensorDifference> Differences => _differences;

    /// <summary>Compares values [rows, width].</summary>
    /// <param name="name">The reference tensor.</param>
    /// <param name="values">What the model computes.</param>
    /// <param name="rows">Which of the reference's rows the model has; null for all.</param>
    public void Values(string name, ReadOnlySpan<float> values, bool[]? rows = null)
    {
        if (!golden.TryGet(name, out var reference))
            return;
        var expected = Kept(reference.ToFloats(), rows);
        if (expected.Length != values.Length)
            throw new InvalidInputException($"{golden.Path}: {name}", $"{expected.Length} values", $"{values.Length} for this model");
        var largest = 0.0;
        for (var i = 0; i < values.Length; i++)
            largest = Math.Max(largest, Math.Abs(values[i] - expected[i]));
        _differences.Add(new TensorDifference(name, largest, tolerance));
    }

    /// <summary>Compares ids in order.</summary>
    public void Ids(string name, ReadOnlySpan<int> ids)
    {
        var expected = golden.Get(name).ToInt64();
        if (expected.Length != ids.Length)
            throw new InvalidInputException($"{golden.Path}: {name}", $"{expected.Length} ids", ids.Length.ToString(CultureInfo.InvariantCulture));
        var differing = 0;
        for (var i = 0; i < ids.Length; i++)
            differing += expected[i] == ids[i] ? 0 : 1;
        _differences.Add(new TensorDifference(name, differing, 0));
    }

    /// <summary>Compares choices as {expert: weight}, since not every reference sorts its top-k, and which of them were dropped.</summary>
    /// <param name="router">The router's name.</param>
    /// <param name="ids">Chosen experts, [rows, k]; complements of those that were dropped.</param>
    /// <param name="weights">Their weights, [rows, k].</param>
    /// <param name="rows">Which of the reference's rows the model has; null for all.</param>
    public void Routing(string router, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights, bool[]? rows = null)
    {
        if (!golden.TryGet($"{router}.topk_ids", out var reference))
            return;
        var topK = (int)reference.Shape[1];
        var wanted = Kept(reference.ToInt64(), rows);
        if (wanted.Length != ids.Length)
            throw new InvalidInputException($"{golden.Path}: {router}.topk_ids", $"{wanted.Length} ids", $"{ids.Length} for this model");
        var wantedWeights = Kept(golden.Get($"{router}.topk_weights").ToFloats(), rows);
        var wantedKept = golden.TryGet($"{router}.kept", out var kept) ? Kept(kept.ToInt64(), rows) : null;
        var (wrongIds, wrongKept, largest, magnitude) = (0, 0, 0.0, 1.0);
        for (var i = 0; i < wanted.Length; i++)
        {
            magnitude = Math.Max(magnitude, Math.Abs(wantedWeights[i]));
            var place = PlaceOf((int)wanted[i], ids.Slice(i / topK * topK, topK));
            if (place < 0)
            {
                wrongIds++;
                continue;
            }
            var choice = i / topK * topK + place;
            largest = Math.Max(largest, Math.Abs(weights[choice] - wantedWeights[i]));
            wrongKept += wantedKept is not null && wantedKept[i] != 0 != ids[choice] >= 0 ? 1 : 0;
        }
        _differences.Add(new TensorDifference($"{router}.topk_ids", wrongIds, 0));
        _differences.Add(new TensorDifference($"{router}.topk_weights", largest, GoldenVerifier.RouterWeightTolerance * magnitude));
        if (wantedKept is not null)
            _differences.Add(new TensorDifference($"{router}.kept", wrongKept, 0));
    }

    private static int PlaceOf(int expert, ReadOnlySpan<int> choices)
    {
        var place = choices.IndexOf(expert);
        return place >= 0 ? place : choices.IndexOf(~expert);
    }

    private static T[] Kept<T>(T[] values, bool[]? rows)
    {
        if (rows is null)
            return values;
        var width = values.Length / rows.Length;
        return [.. values.Where((_, i) => rows[i / width])];
    }
}
