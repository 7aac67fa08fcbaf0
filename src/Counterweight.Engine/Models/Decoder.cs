using System.Numerics.Tensors;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Models;

/// <summary>The parts of a decoder, as a family puts them together.</summary>
internal sealed record DecoderParts
{
    public required ModelShape Shape { get; init; }

    /// <summary>[vocabulary, hidden].</summary>
    public required Embedding Embedding { get; init; }

    public required DecoderLayer[] Layers { get; init; }
    public required RowNorm FinalNorm { get; init; }

    /// <summary>[vocabulary, hidden].</summary>
    public required Linear Head { get; init; }

    /// <summary>Where attention is worked on.</summary>
    public required AttentionRows Attention { get; init; }

    /// <summary>Null for none.</summary>
    public RotaryEmbedding? Rotary { get; init; }

    /// <summary>What reads the source before the decoder writes; null for a decoder alone.</summary>
    public Encoder? Encoder { get; init; }

    /// <summary>Where the caches of sequences lie.</summary>
    public required KvPagePool KvPages { get; init; }

    /// <summary>Where the caches of what an encoder reads lie; null without an encoder.</summary>
    public KvPagePool? SourcePages { get; init; }

    /// <summary>Where the weights of (MoE layer, expert) lie.</summary>
    public required Func<int, int, ExpertPlaces> Experts { get; init; }

    /// <summary>The tensors of an MoE layer's router, which plans are bound to.</summary>
    public required Func<int, IReadOnlyList<string>> Routers { get; init; }

    /// <summary>What experts compute.</summary>
    public ExpertFunction Function { get; init; } = ExpertFunction.Default;

    /// <summary>What embeddings are multiplied with.</summary>
    public float EmbeddingMultiplier { get; init; } = 1;

    /// <summary>What logits are divided by.</summary>
    public float LogitsDivisor { get; init; } = 1;
}

/// <summary>Runs the layers of a decoder. All families are one of these; they differ in the parts.</summary>
internal sealed unsafe class Decoder : MoeModel
{
    private readonly DecoderParts _parts;
    private readonly Checkpoint _checkpoint;
    private readonly ForwardPass _pass;
    private readonly FloatBuffer _scratch, _sharedOutput; // used by all layers in turn

    public Decoder(WeightLoader weights, DecoderParts parts) : base(weights.Context, parts.Shape)
    {
        (_parts, _checkpoint) = (parts, weights.Checkpoint);
        _pass = new ForwardPass(weights.Context, parts.Shape.Hidden, Banks);
        (_scratch, _sharedOutput) = (weights.Scratch, weights.SharedOutput);
        OriginalExperts = BalancedExperts.AreIn(weights.Checkpoint)
            ? new BalancedExperts(weights.Checkpoint, parts.Shape, parts.Experts)
            : new CheckpointExperts(weights.Checkpoint, parts.Shape, parts.Experts);
        Fingerprint = ModelFingerprints.Of(parts.Shape, [.. parts.Shape.MoeLayers.SelectMany(parts.Routers).Select(weights.Checkpoint.Get)]);
        DenseBytes = weights.BytesLoaded;
        ReleaseFiles();
    }

    public override IExpertSource OriginalExperts { get; }

    public override ExpertFunction ExpertFunction => _parts.Function;

    public override ExpertPlaces ExpertPlaces(int layer, int expert) => _parts.Experts(layer, expert);

    public override ModelFingerprint Fingerprint { get; }

    public override long DenseBytes { get; }

    public override KvPagePool KvPages => _parts.KvPages;

    public override KvPagePool? SourcePages => _parts.SourcePages;

    public override void AddPrompt(Batch batch, KvSequence cache, ReadOnlySpan<int> prompt)
    {
        if (Shape.DecoderStart is { } start)
            batch.Add(cache, prompt, [start]);
        else
            batch.Add(cache, prompt);
    }

    public override void AddContinuation(Batch batch, KvSequence cache, ReadOnlySpan<int> input, ReadOnlySpan<int> targets)
    {
        if (Shape.DecoderStart is { } start)
            batch.Add(cache, input[..(input.Length - Math.Max(targets.Length, 1) + 1)], [start, .. targets[..Math.Max(targets.Length - 1, 0)]]);
        else
            batch.Add(cache, input);
    }

    public override void Forward(Batch batch, IForwardTrace? trace = null)
    {
        if (batch.Sources is { Rows: > 0 } sources)
            _parts.Encoder!.Read(sources, trace, () => new ForwardPass(Context, Shape.Hidden, Banks));
        for (var s = 0; s < batch.Sequences; s++)
            _parts.Rotary?.Reserve(batch[s].Cache.Length + batch[s].Rows);
        _pass.Begin(batch, trace);
        _pass.CapacityByPass = CapacityByPass;
        _parts.Attention.Begin(_pass);
        _pass.Embed(_parts.Embedding, _parts.EmbeddingMultiplier);
        for (var l = 0; l < _parts.Layers.Length; l++)
        {
            _pass.Layer = Shape.EncoderLayers + l;
            _parts.Layers[l].Forward(_pass);
            trace?.Hidden(_pass.Layer, _pass.ResidualRows);
        }
        _pass.Norm(_parts.FinalNorm);
        _pass.Advance();
    }

    public override void Logits(int firstRow, int rows, float* logits)
    {
        _parts.Head.Forward(_pass.Normed + (long)firstRow * Shape.Hidden, rows, Shape.Hidden, logits, Shape.Vocabulary);
        DivideLogits(rows, logits);
    }

    public override void LogitsOnThisThread(int firstRow, int rows, float* logits) =>
        HeadOnThisThread(_pass.Normed + (long)firstRow * Shape.Hidden, rows, logits);

    public override void LogitsOnThisThread(ReadOnlySpan<int> rows, float* gathered, float* logits)
    {
        for (var r = 0; r < rows.Length; r++)
            new ReadOnlySpan<float>(_pass.Normed + (long)rows[r] * Shape.Hidden, Shape.Hidden).CopyTo(new Span<float>(gathered + (long)r * Shape.Hidden, Shape.Hidden));
        HeadOnThisThread(gathered, rows.Length, logits);
    }

    private void HeadOnThisThread(float* x, int rows, float* logits)
    {
        _parts.Head.ForwardOnThisThread(x, rows, logits);
        DivideLogits(rows, logits);
    }

    private void DivideLogits(int rows, float* logits)
    {
        for (var r = 0; _parts.LogitsDivisor != 1 && r < rows; r++)
        {
            var row = new Span<float>(logits + (long)r * Shape.Vocabulary, Shape.Vocabulary);
            TensorPrimitives.Divide(row, _parts.LogitsDivisor, row);
        }
    }

    protected override void ReleaseFiles() => _checkpoint.ReleasePages();

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        foreach (var layer in _parts.Layers)
            layer.Dispose();
        _parts.Encoder?.Dispose();
        _parts.Head.Dispose();
        _parts.Attention.Dispose();
        _parts.KvPages.Dispose();
        _parts.SourcePages?.Dispose();
        _pass.Dispose();
        _scratch.Dispose();
        _sharedOutput.Dispose();
    }
}
