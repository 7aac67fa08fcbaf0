using System.Numerics.Tensors;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Calibration;

/// <summary>
/// Measures how much a layer's expert distortion costs the model: all experts of that layer go to int4, and the divergence of the
/// next-token distribution from the unchanged model is divided by the layer's distortion.
/// </summary>
internal sealed unsafe class SensitivityProbe(MoeModel model, QuantizedExperts experts)
{
    /// <summary>Tokens whose distributions are held at once, twice.</summary>
    private const int TokensPerPass = 1024;

    /// <summary>Nats per token per unit of distortion, [MoE layers].</summary>
    /// <param name="texts">Calibration text.</param>
    /// <param name="distortion">Distortion at int4 per token, [layers][experts].</param>
    /// <param name="step">Progress.</param>
    /// <param name="cancellation">Ends the work between passes; the model keeps its original experts.</param>
    public double[] Measure(IReadOnlyList<TokenText> texts, double[][] distortion, Action<string, int, int> step, CancellationToken cancellation)
    {
        var layers = distortion.Length;
        var divergence = new double[layers];
        var passes = Pieces(texts).Chunk(TokensPerPass / PieceLength).ToArray();
        var done = 0;
        var tokens = 0;
        try
        {
            foreach (var pass in passes)
            {
                var reference = LogProbabilities(pass);
                tokens += pass.Sum(piece => piece.Length);
                for (var layer = 0; layer < layers; layer++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    Load(quantizedLayer: layer);
                    divergence[layer] += Divergence(reference, LogProbabilities(pass));
                    step("Measuring sensitivity", ++done, passes.Length * layers);
                }
                Load(quantizedLayer: -1);
            }
        }
        finally
        {
            Load(quantizedLayer: -1);
        }
        return [.. divergence.Select((sum, l) => distortion[l].Sum() > 0 ? sum / tokens / distortion[l].Sum() : 0)];
    }

    private const int PieceLength = 256;

    private static IEnumerable<int[]> Pieces(IReadOnlyList<TokenText> texts) =>
        texts.SelectMany(text => text.Sequences).SelectMany(sequence => sequence.Chunk(PieceLength));

    private void Load(int quantizedLayer)
    {
        var layers = model.OriginalLayers();
        var planned = layers.Select((layer, l) => l != quantizedLayer
            ? layer
            : layer with { Slots = [.. layer.Slots.Select(slot => slot with { Precision = Precision.Int4 })] });
        model.LoadExperts([.. planned], experts, () => SplitPolicies.Create("even"));
    }

    private float[][] LogProbabilities(int[][] pieces)
    {
        var batch = new Batch();
        var caches = pieces.Select(_ => model.NewSequence()).ToArray();
        for (var i = 0; i < pieces.Length; i++)
            batch.Add(caches[i], pieces[i]);
        model.Forward(batch);
        var vocabulary = model.Shape.Vocabulary;
        var rows = new float[batch.Rows][];
        model.Context.Pool.Run(new ItemWork(row =>
        {
            rows[row] = new float[vocabulary];
            fixed (float* logits = rows[row])
                model.LogitsOnThisThread(row, 1, logits);
            var max = TensorPrimitives.Max<float>(rows[row]);
            var sum = 0.0;
            foreach (var logit in rows[row])
                sum += Math.Exp(logit - max);
            TensorPrimitives.Subtract(rows[row], max + (float)Math.Log(sum), rows[row]);
        }), batch.Rows);
        foreach (var cache in caches)
            cache.Dispose();
        return rows;
    }

    /// <summary>Σ over rows of KL(reference ‖ changed).</summary>
    private double Divergence(float[][] reference, float[][] changed)
    {
        var sums = new double[reference.Length];
        model.Context.Pool.Run(new ItemWork(row =>
        {
            var difference = new float[reference[row].Length];
            var probability = new float[reference[row].Length];
            TensorPrimitives.Exp(reference[row], probability);
            TensorPrimitives.Subtract(reference[row], changed[row], difference);
            sums[row] = TensorPrimitives.Dot<float>(probability, difference);
        }), reference.Length);
        return sums.Sum();
    }
}
