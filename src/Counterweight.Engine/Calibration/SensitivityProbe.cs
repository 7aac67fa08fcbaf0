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
internal sealed unsafe class SensitivityProbe(MoeModel model, QuantizedExperts experts) : IDisposable
{
    /// <summary>Tokens whose distributions are held at once.</summary>
    private const int TokensPerPass = 1024;

    private const int PieceLength = 256;
    private const int RowsPerItem = 16;

    private readonly FloatBuffer _reference = new(); // [rows, vocabulary], log-probabilities of the unchanged model
    private readonly FloatBuffer _scratch = new();   // [workers][RowsPerItem + 1, vocabulary], the last row for exponentials

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
                Load(quantizedLayer: -1);
                tokens += Run(pass, Keep).Rows;
                for (var layer = 0; layer < layers; layer++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    Load(layer);
                    divergence[layer] += Run(pass, Divergence).Sum;
                    step("Measuring sensitivity", ++done, passes.Length * layers);
                }
            }
        }
        finally
        {
            Load(quantizedLayer: -1);
        }
        return [.. divergence.Select((sum, l) => distortion[l].Sum() > 0 ? sum / tokens / distortion[l].Sum() : 0)];
    }

    private static IEnumerable<int[]> Pieces(IReadOnlyList<TokenText> texts) =>
        texts.SelectMany(text => text.Sequences).SelectMany(sequence => sequence.Chunk(PieceLength));

    private void Load(int quantizedLayer)
    {
        var planned = model.OriginalLayers().Select((layer, l) => l != quantizedLayer
            ? layer
            : layer with { Slots = [.. layer.Slots.Select(slot => slot with { Precision = Precision.Int4 })] });
        model.LoadExperts([.. planned], experts, () => SplitPolicies.Create("even"));
    }

    /// <summary>Runs the pieces and adds up what <paramref name="rowValue"/> makes of every row's log-probabilities.</summary>
    private (double Sum, int Rows) Run(int[][] pieces, RowValue rowValue)
    {
        var vocabulary = model.Shape.Vocabulary;
        var batch = new Batch();
        var caches = pieces.Select(_ => model.NewSequence()).ToArray();
        for (var i = 0; i < pieces.Length; i++)
            model.AddText(batch, caches[i], pieces[i]);
        _reference.Reserve((long)TokensPerPass * vocabulary);
        _scratch.Reserve((long)model.Context.Pool.Workers * (RowsPerItem + 1) * vocabulary);
        model.Forward(batch);
        var values = new double[batch.Rows];
        model.Context.Pool.Run(new ItemWork((item, worker) =>
        {
            var first = item * RowsPerItem;
            var rows = Math.Min(RowsPerItem, batch.Rows - first);
            var logits = _scratch.Pointer + (long)worker * (RowsPerItem + 1) * vocabulary;
            var exponentials = new Span<float>(logits + (long)RowsPerItem * vocabulary, vocabulary);
            model.LogitsOnThisThread(first, rows, logits);
            for (var r = 0; r < rows; r++)
            {
                var row = new Span<float>(logits + (long)r * vocabulary, vocabulary);
                ToLogProbabilities(row, exponentials);
                values[first + r] = rowValue(first + r, row, exponentials);
            }
        }), (batch.Rows + RowsPerItem - 1) / RowsPerItem);
        foreach (var cache in caches)
            cache.Dispose();
        return (values.Sum(), batch.Rows);
    }

    /// <summary>What a row's log-probabilities [vocabulary] tell; both spans may be changed.</summary>
    private delegate double RowValue(int row, Span<float> logProbabilities, Span<float> scratch);

    private double Keep(int row, Span<float> logProbabilities, Span<float> scratch)
    {
        logProbabilities.CopyTo(Reference(row));
        return 0;
    }

    /// <summary>KL(reference ‖ changed) of a row.</summary>
    private double Divergence(int row, Span<float> logProbabilities, Span<float> scratch)
    {
        TensorPrimitives.Exp(Reference(row), scratch);
        TensorPrimitives.Subtract(Reference(row), logProbabilities, logProbabilities);
        return TensorPrimitives.Dot<float>(scratch, logProbabilities);
    }

    private static void ToLogProbabilities(Span<float> logits, Span<float> exponentials)
    {
        TensorPrimitives.Subtract(logits, TensorPrimitives.Max<float>(logits), logits);
        TensorPrimitives.Exp(logits, exponentials);
        TensorPrimitives.Subtract(logits, MathF.Log(TensorPrimitives.Sum<float>(exponentials)), logits);
    }

    private Span<float> Reference(int row) => new(_reference.Pointer + (long)row * model.Shape.Vocabulary, model.Shape.Vocabulary);

    public void Dispose()
    {
        _reference.Dispose();
        _scratch.Dispose();
    }
}
