using Counterweight.Balancing.Loads;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Balance;

/// <summary>
/// The LIS within one batch by batch size: the tokens of a batch come from many sequences in turn, as in serving, and the loaded split
/// decides on the slots.
/// </summary>
internal sealed class BatchImbalance(MoeModel model) : IForwardTrace
{
    private const int SampleTokens = 8192;
    private static readonly int[] BatchSizes = [8, 32, 128, 512, 2048];

    private readonly Dictionary<int, int[]> _choices = []; // by model layer: [rows, k] of the last pass

    void IForwardTrace.Hidden(int layer, ReadOnlySpan<float> values) { }

    void IForwardTrace.RouterLogits(int layer, ReadOnlySpan<float> logits) { }

    void IForwardTrace.RouterChoices(int layer, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights) => _choices[layer] = ids.ToArray();

    /// <summary>Mean over batches and layers, by tokens per batch.</summary>
    public IReadOnlyDictionary<int, double> Measure(IReadOnlyList<TokenText> texts, ulong seed)
    {
        var sequences = CalibrationText.Sample(texts, SampleTokens, seed).SelectMany(text => text.Sequences).ToArray();
        var choices = model.Shape.MoeLayers.Select(_ => sequences.Select(_ => Array.Empty<int>()).ToArray()).ToArray();
        for (var s = 0; s < sequences.Length; s++)
            Route(sequences[s], s, choices);
        var turns = Array.ConvertAll(choices, layer => Turns(layer, model.Shape.TopK));
        return BatchSizes.Where(size => turns.All(layer => size <= layer.Length)).ToDictionary(size => size, size => Enumerable.Range(0, choices.Length)
            .Average(layer => MeanLis(layer, choices[layer], turns[layer], size)));
    }

    private void Route(int[] sequence, int index, int[][][] choices)
    {
        using var cache = model.NewSequence();
        var batch = new Batch();
        model.AddText(batch, cache, sequence);
        model.Forward(batch, this);
        for (var l = 0; l < choices.Length; l++)
            choices[l][index] = _choices[model.Shape.MoeLayers[l]];
    }

    /// <summary>(sequence, position) with the sequences taking turns.</summary>
    private static (int Sequence, int Position)[] Turns(int[][] choices, int topK) =>
        [.. Enumerable.Range(0, choices.Max(sequence => sequence.Length) / topK)
            .SelectMany(position => Enumerable.Range(0, choices.Length).Where(s => position < choices[s].Length / topK).Select(s => (s, position)))];

    private double MeanLis(int layer, int[][] choices, (int Sequence, int Position)[] turns, int size)
    {
        var slots = model.Banks[layer].Slots;
        var split = model.Banks[layer].Split;
        var topK = model.Shape.TopK;
        var (totals, quotas, loads) = (new long[slots.Slots.Count], new int[slots.Slots.Count], new int[slots.Experts]);
        var sum = 0.0;
        var batches = turns.Length / size;
        for (var b = 0; b < batches; b++)
        {
            Array.Clear(loads);
            foreach (var (sequence, position) in turns.AsSpan(b * size, size))
                foreach (var expert in choices[sequence].AsSpan(position * topK, topK))
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
