using System.Text.Json.Nodes;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>How a checkpoint is stored changes nothing: shards, element types, and the names that newer versions of transformers have.</summary>
public sealed class StorageVariantTests
{
    public static TheoryData<string> Folders() => [.. GoldenModels.Folders()];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Shards_are_one_checkpoint(string folder)
    {
        using var sharded = CheckpointCopy.Of(folder, shards: 3);
        AssertSameLogits(folder, LogitsOfGolden(folder), sharded);
    }

    public static TheoryData<string, string> FoldersAndTypes()
    {
        var cases = new TheoryData<string, string>();
        foreach (var folder in GoldenModels.Folders())
            foreach (var types in (string[])["F16", "BF16", "mixed"])
                cases.Add(folder, types);
        return cases;
    }

    /// <summary>The logits are those of an F32 checkpoint with the rounded values, to the bit.</summary>
    [Theory]
    [MemberData(nameof(FoldersAndTypes))]
    public void Shorter_floats_count_as_the_values_that_they_are(string folder, string types)
    {
        using var rounded = CheckpointCopy.Of(folder, checkpoint => Rewritten(checkpoint, types, CheckpointCopy.Rounded));
        using var widened = CheckpointCopy.Of(folder, checkpoint => Rewritten(checkpoint, types, CheckpointCopy.Widened));
        using var model = ModelRuns.Open(widened.Path);
        AssertSameLogits(folder, ModelRuns.Logits(model.Model, GoldenModels.Prompts(folder)), rounded);
    }

    public static TheoryData<string> RenamedFolders() => [.. GoldenModels.Folders().Where(folder => NewerNames.Has(GoldenModels.TypeOfFolder(folder)))];

    [Theory]
    [MemberData(nameof(RenamedFolders))]
    public void Newer_names_with_stacked_experts_are_the_same_model(string folder)
    {
        using var renamed = CheckpointCopy.Of(folder, checkpoint => NewerNames.Of(checkpoint, GoldenModels.TypeOfFolder(folder)));
        using (var checkpoint = Checkpoint.Open(renamed.Path))
            Assert.Contains(checkpoint.TensorNames, name => name.EndsWith("experts.gate_up_proj", StringComparison.Ordinal));
        AssertSameLogits(folder, LogitsOfGolden(folder), renamed);
    }

    /// <summary>Llama 4 as published: settings and tensors of the text model within those of a larger one, and switches as numbers.</summary>
    [Fact]
    public void A_text_model_may_be_part_of_a_larger_one()
    {
        const string Folder = "llama4_text";
        using var whole = CheckpointCopy.Of(
            Folder,
            checkpoint => checkpoint.TensorNames.Select(name => TensorToWrite.Copy(checkpoint.Get(name), $"language_model.{name}")).Append(TensorToWrite.FromFloats("vision_model.class_embedding", [3], new float[3])),
            config =>
            {
                var text = config.DeepClone().AsObject();
                text["attn_temperature_tuning"] = 4;
                config.Clear();
                (config["model_type"], config["text_config"], config["vision_config"], config["image_token_index"]) = ("llama4", text, new JsonObject(), 200092);
            });
        AssertSameLogits(Folder, LogitsOfGolden(Folder), whole);

        using var loaded = ModelRuns.Open(whole.Path);
        using var data = new TemporaryData();
        var plan = ModelRuns.PlanOf(loaded.Model, ModelRuns.Replicated(loaded.Model));
        CheckpointWriter.WriteHuggingFace(data.Root, loaded.Model, loaded.Checkpoint, plan, loaded.Model.OriginalExperts);
        using var written = ModelRuns.Open(data.Root);
        Assert.Equal(loaded.Checkpoint.TensorNames, written.Checkpoint.TensorNames);
        ModelRuns.AssertSameBits(LogitsOfGolden(Folder), ModelRuns.Logits(written.Model, GoldenModels.Prompts(Folder)));
    }

    private static IEnumerable<TensorToWrite> Rewritten(Checkpoint checkpoint, string types, Func<TensorView, DType, TensorToWrite> write)
    {
        DType[] turn = types switch { "F16" => [DType.F16], "BF16" => [DType.BF16], _ => [DType.F32, DType.BF16, DType.F16] };
        return checkpoint.TensorNames.Select((name, i) => checkpoint.Get(name) is var tensor && tensor.DType is DType.F32 or DType.F16 or DType.BF16
            ? write(tensor, turn[i % turn.Length])
            : TensorToWrite.Copy(tensor));
    }

    private static float[] LogitsOfGolden(string folder)
    {
        using var original = ModelRuns.OpenGolden(folder);
        return ModelRuns.Logits(original.Model, GoldenModels.Prompts(folder));
    }

    private static void AssertSameLogits(string folder, float[] expected, CheckpointCopy copy)
    {
        var warnings = new List<string>();
        using var loaded = ModelRuns.Open(copy.Path, warn: warnings.Add);
        ModelRuns.AssertSameBits(expected, ModelRuns.Logits(loaded.Model, GoldenModels.Prompts(folder)));
        Assert.Empty(warnings);
    }
}
