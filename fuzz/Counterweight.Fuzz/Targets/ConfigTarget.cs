using Counterweight.Balancing;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;

namespace Counterweight.Fuzz.Targets;

/// <summary>Opens a small model by a config.json, and reads the same file as the planner does.</summary>
internal sealed class ConfigTarget : FuzzTarget
{
    private const int Hidden = 4, Vocabulary = 8, Experts = 2;

    private readonly InputFolder _folder = new();
    private bool _hasWeights;

    protected override void Read(byte[] input)
    {
        if (!_hasWeights) // Not sooner: instrumented code runs only where the fuzzer asks for it.
            SafetensorsWriter.Write(Path.Combine($"{_folder}", Checkpoint.SingleFileName), Qwen3Weights());
        _hasWeights = true;
        var config = _folder.Write("config.json", input);
        try
        {
            EngineModelConfig.Read(config);
        }
        catch (InvalidInputException)
        {
            // The engine is shown it all the same.
        }
        LoadedModel.Open($"{_folder}", new LoadOptions { Threads = 1 }).Dispose();
    }

    private static IEnumerable<TensorToWrite> Qwen3Weights()
    {
        const string layer = "model.layers.0";
        yield return Matrix("model.embed_tokens", Vocabulary, Hidden);
        yield return Matrix("lm_head", Vocabulary, Hidden);
        foreach (var norm in (string[])["model.norm", $"{layer}.input_layernorm", $"{layer}.post_attention_layernorm", $"{layer}.self_attn.q_norm", $"{layer}.self_attn.k_norm"])
            yield return TensorToWrite.FromFloats($"{norm}.weight", [Hidden], new float[Hidden]);
        foreach (var projection in "qkvo")
            yield return Matrix($"{layer}.self_attn.{projection}_proj", Hidden, Hidden);
        yield return Matrix($"{layer}.mlp.gate", Experts, Hidden);
        for (var e = 0; e < Experts; e++)
            foreach (var projection in (string[])["gate", "up", "down"])
                yield return Matrix($"{layer}.mlp.experts.{e}.{projection}_proj", Hidden, Hidden);
    }

    private static TensorToWrite Matrix(string name, int rows, int columns) =>
        TensorToWrite.FromFloats($"{name}.weight", [rows, columns], new float[rows * columns]);
}
