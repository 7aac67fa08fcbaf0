using System.Runtime.InteropServices;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>What tests of whole models do with them.</summary>
internal static class ModelRuns
{
    /// <summary>A model on two threads.</summary>
    public static LoadedModel Open(string location, string? kernels = null, ComputeMode compute = ComputeMode.Fast, Action<string>? warn = null) =>
        LoadedModel.Open(location, new LoadOptions { Threads = 2, Kernels = kernels, Compute = compute }, warn);

    /// <summary>A folder of reference outputs as a model.</summary>
    public static LoadedModel OpenGolden(string folder, ComputeMode compute = ComputeMode.Fast) => Open(GoldenFiles.Shared("goldens", "models", folder), compute: compute);

    /// <summary>Logits of all rows of texts that are run together, from fresh splits.</summary>
    public static float[] Logits(MoeModel model, int[][] texts) => Logits(model, texts.Length, (batch, cache, i) => model.AddText(batch, cache, texts[i]));

    /// <summary>The same, texts added by <paramref name="add"/>.</summary>
    public static float[] Logits(MoeModel model, int sequences, Action<Batch, KvSequence, int> add)
    {
        var batch = new Batch();
        var caches = Enumerable.Range(0, sequences).Select(_ => model.NewSequence()).ToArray();
        for (var i = 0; i < sequences; i++)
            add(batch, caches[i], i);
        model.ResetSplits();
        model.Forward(batch);
        foreach (var cache in caches)
            cache.Dispose();
        return RowsOf(model, batch);
    }

    /// <summary>Logits of all rows of the batch that was run last.</summary>
    public static unsafe float[] RowsOf(MoeModel model, Batch batch)
    {
        var logits = new float[batch.Rows * model.Shape.Vocabulary];
        fixed (float* pointer = logits)
            model.Logits(0, batch.Rows, pointer);
        return logits;
    }

    /// <summary>One to three copies of every expert.</summary>
    public static IReadOnlyList<LayerPlan> Replicated(MoeModel model) => [.. model.OriginalLayers().Select(layer => layer with
    {
        Slots = [.. layer.Slots.SelectMany(slot => Enumerable.Range(0, 1 + slot.Expert % 3).Select(device => slot with { Device = device }))],
    })];

    /// <summary>A plan of such layers with nothing behind it.</summary>
    public static Plan PlanOf(MoeModel model, IReadOnlyList<LayerPlan> layers) => new(
        model.Fingerprint, 1, layers, new PlanBudget(1, 1, 1), new PlanPolicy("none", new Dictionary<string, string>(), 1), new PlanForecast(1, 1, 1, null));

    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string? what = null) =>
        Assert.True(MemoryMarshal.Cast<float, uint>(expected).SequenceEqual(MemoryMarshal.Cast<float, uint>(actual)), what ?? "bits differ");
}
