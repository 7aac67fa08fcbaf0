using System.Globalization;
using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tokenization;
using Counterweight.Evaluation.Tasks.Data;

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

/// <summary>Compares forward passes and greedy generation with reference outputs: logits, hidden states, routing, left-padded rows.</summary>
public sealed unsafe class GoldenVerifier(MoeModel model, SafetensorsFile golden, double tolerance) : IForwardTrace
{
    /// <summary>
    /// Router weights must agree to this whatever the model's tolerance is, relative to the largest of them where that is above 1: some families multiply them by a
    /// factor, and their rounding errors with them.
    /// </summary>
    public const double RouterWeightTolerance = 1e-5;

    /// <summary>The tolerance where nothing says another.</summary>
    public const double DefaultTolerance = 1e-3;

    private readonly List<TensorDifference> _differences = [];

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
    public IReadOnlyList<TensorDifference> Verify()
    {
        _differences.Clear();
        var prompts = TokenRows("input_ids");
        Compare("logits", AllLogits(prompts, this));
        if (golden.TryGet("greedy_ids", out var greedy))
            CompareIds("greedy_ids", [.. Greedy(prompts, (int)greedy.Shape[1]).Select(id => (long)id)]);
        if (golden.TryGet("padded.input_ids", out _))
            Compare("padded.last_logits", LastLogits(WithoutPadding()));
        return _differences;
    }

    void IForwardTrace.Hidden(int layer, ReadOnlySpan<float> values) => Compare($"hidden.{layer}", values.ToArray());

    void IForwardTrace.RouterLogits(int layer, ReadOnlySpan<float> logits) => Compare($"router.{layer}.logits", logits.ToArray());

    void IForwardTrace.RouterChoices(int layer, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights)
    {
        if (!golden.TryGet($"router.{layer}.topk_ids", out var expectedIds))
            return;
        // Compared as {expert: weight}: not every reference sorts its top-k.
        var topK = (int)expectedIds.Shape[1];
        var wanted = expectedIds.ToInt64();
        var wantedWeights = golden.Get($"router.{layer}.topk_weights").ToFloats();
        long wrongIds = 0;
        var (largest, magnitude) = (0.0, 1.0);
        for (var i = 0; i < wanted.Length; i++)
        {
            var place = ids.Slice(i / topK * topK, topK).IndexOf((int)wanted[i]);
            magnitude = Math.Max(magnitude, Math.Abs(wantedWeights[i]));
            if (place < 0)
                wrongIds++;
            else
                largest = Math.Max(largest, Math.Abs(weights[i / topK * topK + place] - wantedWeights[i]));
        }
        _differences.Add(new TensorDifference($"router.{layer}.topk_ids", wrongIds, 0));
        _differences.Add(new TensorDifference($"router.{layer}.topk_weights", largest, RouterWeightTolerance * magnitude));
    }

    private float[] AllLogits(int[][] prompts, IForwardTrace? trace)
    {
        var batch = new Batch();
        var caches = prompts.Select(_ => model.NewSequence()).ToArray();
        for (var i = 0; i < prompts.Length; i++)
            batch.Add(caches[i], prompts[i]);
        model.Forward(batch, trace);
        var logits = new float[batch.Rows * model.Shape.Vocabulary];
        fixed (float* pointer = logits)
            model.Logits(0, batch.Rows, pointer);
        foreach (var cache in caches)
            cache.Dispose();
        return logits;
    }

    private float[] LastLogits(int[][] prompts)
    {
        var vocabulary = model.Shape.Vocabulary;
        var all = AllLogits(prompts, null);
        var last = new List<float>();
        var row = 0;
        foreach (var prompt in prompts)
        {
            row += prompt.Length;
            last.AddRange(all.AsSpan((row - 1) * vocabulary, vocabulary));
        }
        return [.. last];
    }

    private int[] Greedy(int[][] prompts, int count)
    {
        var requests = prompts.Select(prompt => new GenerationRequest(prompt, count, SamplingOptions.Greedy, IgnoreEnd: true)).ToArray();
        using var session = new GenerationSession(model, requests);
        var drawn = prompts.Select(_ => new List<int>()).ToArray();
        for (var tokens = new List<GeneratedToken>(); !session.Done; tokens.Clear())
        {
            session.Step(tokens);
            tokens.ForEach(token => drawn[token.Request].Add(token.Token));
        }
        return [.. drawn.SelectMany(ids => ids)];
    }

    private int[][] WithoutPadding()
    {
        var rows = TokenRows("padded.input_ids");
        var mask = golden.Get("padded.attention_mask", rows.Length, rows[0].Length).ToInt64();
        return [.. rows.Select((row, r) => row.Where((_, i) => mask[r * row.Length + i] != 0).ToArray())];
    }

    private int[][] TokenRows(string name)
    {
        var ids = golden.Get(name);
        if (ids.Shape.Length != 2 || ids.ElementCount == 0)
            throw new InvalidInputException($"{golden.Path}: {name}", $"{ids.Shape.Length} dimensions, {ids.ElementCount} ids", "ids [sequences, tokens]");
        return [.. ids.ToInt64().Select(id => Token(name, id)).Chunk((int)ids.Shape[1])];
    }

    private int Token(string name, long id) => id >= 0 && id < model.Shape.Vocabulary
        ? (int)id
        : throw new InvalidInputException($"{golden.Path}: {name}", $"token id {id}", $"0 to {model.Shape.Vocabulary - 1}");

    private void Compare(string name, float[] values)
    {
        if (!golden.TryGet(name, out var reference))
            return;
        var expected = reference.ToFloats();
        if (expected.Length != values.Length)
            throw new InvalidInputException($"{golden.Path}: {name}", $"{expected.Length} values", $"{values.Length} for this model");
        var largest = 0.0;
        for (var i = 0; i < values.Length; i++)
            largest = Math.Max(largest, Math.Abs(values[i] - expected[i]));
        _differences.Add(new TensorDifference(name, largest, tolerance));
    }

    private void CompareIds(string name, long[] ids)
    {
        var expected = golden.Get(name).ToInt64();
        var differing = expected.Length == ids.Length
            ? expected.Where((id, i) => id != ids[i]).Count()
            : throw new InvalidInputException($"{golden.Path}: {name}", $"{expected.Length} ids", ids.Length.ToString(CultureInfo.InvariantCulture));
        _differences.Add(new TensorDifference(name, differing, 0));
    }
}
