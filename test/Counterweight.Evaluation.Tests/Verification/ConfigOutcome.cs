using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>What a reference model does under changed settings.</summary>
/// <param name="Logits">On the folder's own prompts; null where it is refused.</param>
/// <param name="Refused">Why; null where it runs.</param>
internal sealed record ConfigOutcome(float[]? Logits, InvalidInputException? Refused)
{
    /// <summary>Whether both run with the same bits, or both are refused.</summary>
    public bool IsSameAs(ConfigOutcome other) => Logits is null ? other.Logits is null : other.Logits is not null && Logits.AsSpan().SequenceEqual(other.Logits);

    /// <summary>The settings of a folder.</summary>
    public static JsonObject Config(string folder) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(GoldenFiles.Shared("goldens", "models", folder), "config.json")))!.AsObject();

    /// <summary>Changes the settings of a folder and runs it.</summary>
    public static ConfigOutcome Of(string folder, Action<JsonObject> change)
    {
        using var copy = CheckpointCopy.WithConfig(folder, change);
        try
        {
            using var loaded = ModelRuns.Open(copy.Path);
            return new ConfigOutcome(ModelRuns.Logits(loaded.Model, GoldenModels.Prompts(folder)), null);
        }
        catch (InvalidInputException e)
        {
            return new ConfigOutcome(null, e);
        }
    }
}
