using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>What an encoder-decoder does with texts that are not cut into source and target, and what counts as its load.</summary>
public sealed class EncoderDecoderTests
{
    [Fact]
    public void The_encoder_reads_the_first_half_and_the_decoder_is_given_the_second()
    {
        using var loaded = Open("switch_transformers");
        var loads = Loads(loaded.Model, [[5, 6, 7, 8, 9], [4, 3], [9]]);
        var encoderLayers = loaded.Model.Shape.EncoderLayers;
        for (var l = 0; l < loads.Length; l++)
            Assert.Equal(loaded.Model.Shape.MoeLayers[l] < encoderLayers ? 3 + 1 + 1 : 2 + 1 + 1, loads[l].Sum());
    }

    [Fact]
    public void Tokens_over_capacity_are_no_load()
    {
        using var loaded = Open("switch_transformers_capacity");
        foreach (var layer in Loads(loaded.Model, [[.. Enumerable.Repeat(7, 40)]]))
            Assert.All(layer, load => Assert.InRange(load, 0, 3));
    }

    [Fact]
    public void The_last_rows_of_a_continuation_predict_its_targets()
    {
        using var loaded = Open("switch_transformers");
        var model = loaded.Model;
        using var cache = model.NewSequence();
        var batch = new Batch();
        model.AddContinuation(batch, cache, [5, 6, 7, 8], [7, 8, 9]);
        Assert.Equal([5, 6], batch.Sources!.Tokens.ToArray());
        Assert.Equal([model.Shape.DecoderStart!.Value, 7, 8], batch.Tokens.ToArray());
    }

    private static LoadedModel Open(string folder) => LoadedModel.Open(GoldenFiles.Shared("goldens", "models", folder), new LoadOptions { Threads = 2 });

    private static long[][] Loads(MoeModel model, int[][] texts)
    {
        model.Recorder = new LoadRecorder(model.Banks);
        var batch = new Batch();
        var caches = texts.Select(_ => model.NewSequence()).ToArray();
        for (var i = 0; i < texts.Length; i++)
            model.AddText(batch, caches[i], texts[i]);
        model.Forward(batch);
        foreach (var cache in caches)
            cache.Dispose();
        var total = model.Recorder.Total();
        return [.. Enumerable.Range(0, model.Banks.Count).Select(l => total[l].ToArray())];
    }
}
