using Counterweight.Balancing.Loads;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Routing;

namespace Counterweight.Evaluation.Balance;

/// <summary>
/// The LIS within one batch by batch size: the tokens of a batch come from many sequences in turn, as in serving, and the loaded split
/// decides on the slots.
/// </summary>
internal sealed class BatchImbalance(MoeModel model)
{
    private const int SampleTokens = 8192;
    private static readonly int[] BatchSizes = [8, 32, 128, 512, 2048];

    /// <summary>Mean over batches and layers, by tokens per batch.</summary>
    public IReadOnlyDictionary<int, double> Measure(IReadOnlyList<TokenText> texts, ulong seed)
    {
        var sequences = CalibrationText.Sample(texts, SampleTokens, seed).SelectMany(text => text.Sequences).ToArray();
        var routed = RoutedSequences.Of(model, sequences);
        var turns = Enumerable.Range(0, routed.Layers).Select(layer => Turns(routed, layer)).ToArray();
        return BatchSizes.Where(size => turns.All(layer => size <= layer.Length)).ToDictionary(size => size, size => Enumerable.Range(0, routed.Layers)
            .Average(layer => MeanLis(layer, routed, turns[layer], size)));
    }

    /// <summary>(sequence, position) with the sequences taking turns.</summary>
    private static (int Sequence, int Position)[] Turns(RoutedSequences routed, int layer) =>
        [.. Enumerable.Range(0, Enumerable.Range(0, routed.Sequences).Max(s => routed.Length(layer, s)))
            .SelectMany(position => Enumerable.Range(0, routed.Sequences).Where(s => position < routed.Length(layer, s)).Select(s => (s, position)))];

    private double MeanLis(int layer, RoutedSequences routed, (int Sequence, int Position)[] turns, int size)
    {
        var slots = model.Banks[layer].Slots;
        var split = model.Banks[layer].Split;
        var (totals, quotas, loads) = (new long[slots.Slots.Count], new int[slots.Slots.Count], new int[slots.Experts]);
        var sum = 0.0;
        var batches = turns.Length / size;
        for (var b = 0; b < batches; b++)
        {
            Array.Clear(loads);
            foreach (var (sequence, position) in turns.AsSpan(b * size, size))
                foreach (var expert in routed.Of(layer, sequence, position))
                    if (expert >= 0) // else dropped
                        loads[expert]++;
            split.Split(loads, slots, totals, quotas);
            for (var s = 0; s < quotas.Length; s++)
                totals[s] += quotas[s];
            sum += LoadImbalance.MaxOverMean(Array.ConvertAll(quotas, quota => (long)quota));
        }
        return sum / batches;
    }
}
