using Counterweight.Balancing.Loads;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Routing;

/// <summary>The experts that a model chooses for each token of sequences. A token's choices do not depend on what shares its pass.</summary>
internal sealed class RoutedSequences : IForwardTrace
{
    private const int TokensPerPass = 4096;

    private readonly MoeModel _model;
    private readonly IReadOnlyList<int[]> _sequences;
    private readonly int[][] _pass;      // [MoE layers][rows · k] of the pass under way
    private readonly Dictionary<int, int> _bankOf;
    private readonly int[][][] _choices; // [MoE layers][sequences][tokens · k]

    private RoutedSequences(MoeModel model, IReadOnlyList<int[]> sequences)
    {
        (_model, _sequences) = (model, sequences);
        TopK = model.Shape.TopK;
        Experts = model.Shape.Experts;
        _bankOf = model.Shape.MoeLayers.Select((layer, bank) => (layer, bank)).ToDictionary(entry => entry.layer, entry => entry.bank);
        _pass = new int[_bankOf.Count][];
        _choices = [.. _pass.Select(_ => new int[sequences.Count][])];
    }

    public int Layers => _choices.Length;

    public int Experts { get; }

    public int TopK { get; }

    public int Sequences => _sequences.Count;

    /// <summary>Tokens of a sequence in a layer.</summary>
    public int Length(int layer, int sequence) => _choices[layer][sequence].Length / TopK;

    /// <summary>The chosen experts of a token, [k]; -1 where one was dropped.</summary>
    public ReadOnlySpan<int> Of(int layer, int sequence, int token) => _choices[layer][sequence].AsSpan(token * TopK, TopK);

    /// <summary>The chosen experts of the tokens from <paramref name="first"/> on, [tokens · k].</summary>
    public ReadOnlySpan<int> Of(int layer, int sequence, int first, int tokens) => _choices[layer][sequence].AsSpan(first * TopK, tokens * TopK);

    /// <summary>Adds the loads of a sequence from the token <paramref name="first"/> on.</summary>
    public void AddTo(ExpertLoads loads, int sequence, int first)
    {
        for (var layer = 0; layer < Layers; layer++)
        {
            var start = Math.Clamp(first - Begin(layer, sequence), 0, Length(layer, sequence));
            foreach (var expert in Of(layer, sequence, start, Length(layer, sequence) - start))
                if (expert >= 0) // else dropped
                    loads[layer][expert]++;
        }
    }

    // Where the tokens of a layer begin in a sequence: those of an encoder-decoder's decoder are the end of it.
    private int Begin(int layer, int sequence) =>
        _model.Shape.MoeLayers[layer] < _model.Shape.EncoderLayers ? 0 : _sequences[sequence].Length - Length(layer, sequence);

    /// <summary>Runs sequences through the model. What an encoder reads and a decoder writes is one sequence, each layer with its own tokens of it.</summary>
    public static RoutedSequences Of(MoeModel model, IReadOnlyList<int[]> sequences, Action<int>? routed = null, CancellationToken cancellation = default)
    {
        var result = new RoutedSequences(model, sequences);
        // Rows of an encoder and of a decoder differ: such sequences go alone, so that all of a pass is theirs.
        var most = model.Shape.DecoderStart is null ? TokensPerPass : 0;
        for (var first = 0; first < sequences.Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            var (last, tokens) = (first, 0);
            while (last < sequences.Count && (last == first || tokens + sequences[last].Length <= most))
                tokens += sequences[last++].Length;
            result.Run(first, last);
            routed?.Invoke(tokens);
            first = last;
        }
        return result;
    }

    private void Run(int first, int last)
    {
        var batch = new Batch();
        var caches = Enumerable.Range(first, last - first).Select(_ => _model.NewSequence()).ToArray();
        try
        {
            for (var s = first; s < last; s++)
                _model.AddText(batch, caches[s - first], _sequences[s]);
            _model.Forward(batch, this);
            for (var layer = 0; layer < Layers; layer++)
                for (var s = first; s < last; s++)
                    _choices[layer][s] = last - first == 1 ? _pass[layer] : _pass[layer].AsSpan(batch[s - first].FirstRow * TopK, _sequences[s].Length * TopK).ToArray();
        }
        finally
        {
            foreach (var cache in caches)
                cache.Dispose();
        }
    }

    void IForwardTrace.Hidden(int layer, ReadOnlySpan<float> values) { }

    void IForwardTrace.RouterLogits(int layer, ReadOnlySpan<float> logits) { }

    void IForwardTrace.RouterChoices(int layer, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights) => _pass[_bankOf[layer]] = ids.ToArray();
}
