using System.Numerics.Tensors;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tokenization;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Verification;

/// <summary>Compares forward passes and greedy generation with reference outputs: logits, hidden states, routing, rows with padding.</summary>
public sealed unsafe class GoldenVerifier : IForwardTrace
{
    /// <summary>
    /// Router weights must agree to this whatever the model's tolerance is, relative to the largest of them where that is above 1: some families multiply them by a
    /// factor, and their rounding errors with them.
    /// </summary>
    public const double RouterWeightTolerance = 1e-5;

    /// <summary>The tolerance where nothing says another.</summary>
    public const double DefaultTolerance = 1e-3;

    private readonly MoeModel _model;
    private readonly GoldenComparison _comparison;
    private readonly GoldenPrompts _prompts;
    private readonly CancellationToken _cancellation;
    private bool[]? _sourceRows; // of the encoder's tensors, those that are no padding

    /// <summary>A verifier; model and file stay the caller's.</summary>
    /// <param name="model">The model with its experts.</param>
    /// <param name="golden">Reference outputs.</param>
    /// <param name="tolerance">Largest difference of logits and hidden states.</param>
    /// <param name="cancellation">Ends the work between passes and tokens.</param>
    public GoldenVerifier(MoeModel model, SafetensorsFile golden, double tolerance, CancellationToken cancellation = default)
    {
        (_model, _cancellation) = (model, cancellation);
        _comparison = new GoldenComparison(golden, tolerance);
        _prompts = new GoldenPrompts(golden, model.Shape.Vocabulary);
    }

    /// <summary>Which of several sets of weights the model has, where the file holds their logits as <c>VARIANT.logits</c>; null for the only one.</summary>
    public string? Variant { get; init; }

    /// <summary>The variant that a file of weights is: <c>q4_0</c> for <c>NAME.q4_0.gguf</c>; null where its name says none.</summary>
    public static string? VariantOf(string model) =>
        File.Exists(model) && Path.GetExtension(Path.GetFileNameWithoutExtension(model)) is [_, _, ..] extension ? extension[1..] : null;

    /// <summary>The <c>tolerance</c> in the <c>golden.json</c> beside a reference file, or <see cref="DefaultTolerance"/> where there is none.</summary>
    public static double ToleranceOf(string goldenFile)
    {
        var settings = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(goldenFile))!, "golden.json");
        if (!File.Exists(settings))
            return DefaultTolerance;
        var row = JsonRow.Parse(settings, Utf8File.ReadText(settings));
        return row.Has("tolerance") ? row.Number("tolerance") : DefaultTolerance;
    }

    /// <summary>Runs everything that the reference file has.</summary>
    /// <exception cref="Balancing.InvalidInputException">It has no logits, or other shapes than the model.</exception>
    public IReadOnlyList<TensorDifference> Verify()
    {
        if (_model.Shape.EncoderLayers > 0)
            VerifyEncoderDecoder();
        else
            VerifyDecoder();
        return _comparison.Differences;
    }

    private void VerifyDecoder()
    {
        var prompts = _prompts.Rows("input_ids");
        _comparison.Values(LogitsName(), Logits(prompts, (batch, cache, i) => batch.Add(cache, prompts[i]), this));
        CompareGreedy("greedy_ids", prompts);
        if (!_comparison.File.TryGet("padded.input_ids", out _))
            return;
        var padded = _prompts.Rows("padded.input_ids");
        var whole = GoldenPrompts.WithoutPadding(padded, _prompts.Mask("padded.attention_mask", padded));
        _comparison.Values("padded.last_logits", LastRows(whole, Logits(whole, (batch, cache, i) => batch.Add(cache, whole[i]), null)));
    }

    /// <summary>A file without them is an error: to compare nothing would look like agreement.</summary>
    private string LogitsName() => _comparison.File.Get(Variant is null || _comparison.File.TryGet("logits", out _) ? "logits" : $"{Variant}.logits").Name;

    private void VerifyEncoderDecoder()
    {
        var rows = _prompts.Rows("input_ids");
        _sourceRows = _prompts.Mask("attention_mask", rows);
        var sources = GoldenPrompts.WithoutPadding(rows, _sourceRows);
        var written = _prompts.Rows("decoder_input_ids");
        _comparison.Values("logits", Logits(sources, (batch, cache, i) => batch.Add(cache, sources[i], written[i]), this));
        CompareGreedy("greedy_ids", sources);
        _model.CapacityByPass = true;
        CompareGreedy("greedy_ids_cached", sources);
        _model.CapacityByPass = false;
    }

    void IForwardTrace.Hidden(int layer, ReadOnlySpan<float> values) => _comparison.Values(NameOf(layer, "hidden"), values, RowsOf(layer));

    void IForwardTrace.Encoded(ReadOnlySpan<float> values) => _comparison.Values("encoder.last_hidden", values, _sourceRows);

    void IForwardTrace.RouterLogits(int layer, ReadOnlySpan<float> logits) => _comparison.Values($"{NameOf(layer, "router")}.logits", logits, RowsOf(layer));

    void IForwardTrace.RouterChoices(int layer, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights) =>
        _comparison.Routing(NameOf(layer, "router"), ids, weights, RowsOf(layer));

    private string NameOf(int layer, string what)
    {
        var encoderLayers = _model.Shape.EncoderLayers;
        return encoderLayers == 0 ? $"{what}.{layer}"
            : layer < encoderLayers ? $"encoder.{what}.{layer}"
            : $"decoder.{what}.{layer - encoderLayers}";
    }

    private bool[]? RowsOf(int layer) => layer < _model.Shape.EncoderLayers ? _sourceRows : null;

    private float[] Logits(int[][] prompts, Action<Batch, KvSequence, int> add, IForwardTrace? trace)
    {
        _cancellation.ThrowIfCancellationRequested();
        var batch = new Batch();
        var caches = prompts.Select(_ => _model.NewSequence()).ToArray();
        for (var i = 0; i < prompts.Length; i++)
            add(batch, caches[i], i);
        _model.Forward(batch, trace);
        var logits = new float[batch.Rows * _model.Shape.Vocabulary];
        fixed (float* pointer = logits)
            _model.Logits(0, batch.Rows, pointer);
        foreach (var cache in caches)
            cache.Dispose();
        return logits;
    }

    private float[] LastRows(int[][] prompts, float[] logits)
    {
        var vocabulary = _model.Shape.Vocabulary;
        var last = new List<float>();
        var row = 0;
        foreach (var prompt in prompts)
        {
            row += prompt.Length;
            last.AddRange(logits.AsSpan((row - 1) * vocabulary, vocabulary));
        }
        return [.. last];
    }

    private void CompareGreedy(string name, int[][] prompts)
    {
        if (_comparison.File.TryGet(name, out var reference))
            _comparison.Ids(name, Greedy(prompts, (int)reference.Shape[1]));
    }

    private int[] Greedy(int[][] prompts, int count)
    {
        // References know no longest text; sessions do.
        if (prompts.Max(prompt => prompt.Length) + count > _model.Shape.MaxPositions)
            return [.. prompts.SelectMany(prompt => GreedyBeyond(prompt, count))];
        var requests = prompts.Select(prompt => new GenerationRequest(prompt, count, SamplingOptions.Greedy, IgnoreEnd: true)).ToArray();
        using var session = new GenerationSession(_model, requests);
        var drawn = prompts.Select(_ => new List<int>()).ToArray();
        for (var tokens = new List<GeneratedToken>(); !session.Done; tokens.Clear())
        {
            _cancellation.ThrowIfCancellationRequested();
            session.Step(tokens);
            tokens.ForEach(token => drawn[token.Request].Add(token.Token));
        }
        return [.. drawn.SelectMany(ids => ids)];
    }

    private int[] GreedyBeyond(int[] prompt, int count)
    {
        using var cache = _model.NewSequence();
        var batch = new Batch();
        var drawn = new int[count];
        var logits = new float[_model.Shape.Vocabulary];
        for (var i = 0; i < count; i++)
        {
            _cancellation.ThrowIfCancellationRequested();
            batch.Clear();
            if (i == 0)
                _model.AddPrompt(batch, cache, prompt);
            else
                batch.Add(cache, drawn.AsSpan(i - 1, 1));
            _model.Forward(batch);
            fixed (float* pointer = logits)
                _model.Logits(batch.Rows - 1, 1, pointer);
            drawn[i] = TensorPrimitives.IndexOfMax<float>(logits);
        }
        return drawn;
    }
}
