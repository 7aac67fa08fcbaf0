using System.Runtime.InteropServices;
using Counterweight.Engine.Checkpoints;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests;

/// <summary>A seeded Qwen3-MoE checkpoint of 2 layers and 32 experts, with the tokenizer of the bundled model.</summary>
internal sealed class TinyModel : IDisposable
{
    public const int Layers = 2, Experts = 32, TopK = 4, Hidden = 64, Intermediate = 32;

    private const int Vocabulary = 8192, HeadDim = 32, Heads = 2, KvHeads = 1;

    private static readonly string PocketModel = Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe");

    private readonly TemporaryFolder _folder = new();

    public TinyModel(int seed = 7)
    {
        var random = new Random(seed);
        SafetensorsWriter.Write(_folder["model.safetensors"], Shapes().Select(entry => Tensor(entry.Name, entry.Shape, random)));
        _folder.Write("config.json", Config);
        foreach (var file in new[] { "tokenizer.json", "tokenizer_config.json" })
            File.Copy(Path.Combine(PocketModel, file), _folder[file]);
    }

    public string Folder => _folder.Root;

    public static string Config => $$"""
        {"model_type":"qwen3_moe","vocab_size":{{Vocabulary}},"hidden_size":{{Hidden}},"intermediate_size":64,"moe_intermediate_size":{{Intermediate}},
        "num_hidden_layers":{{Layers}},"num_attention_heads":{{Heads}},"num_key_value_heads":{{KvHeads}},"head_dim":{{HeadDim}},
        "num_experts":{{Experts}},"num_experts_per_tok":{{TopK}},"norm_topk_prob":true,"max_position_embeddings":256,
        "tie_word_embeddings":true,"bos_token_id":0,"eos_token_id":0}
        """;

    public static IEnumerable<(string Name, long[] Shape)> Shapes()
    {
        yield return ("model.embed_tokens.weight", [Vocabulary, Hidden]);
        yield return ("model.norm.weight", [Hidden]);
        for (var l = 0; l < Layers; l++)
        {
            var layer = $"model.layers.{l}";
            yield return ($"{layer}.input_layernorm.weight", [Hidden]);
            yield return ($"{layer}.post_attention_layernorm.weight", [Hidden]);
            yield return ($"{layer}.self_attn.q_proj.weight", [Heads * HeadDim, Hidden]);
            yield return ($"{layer}.self_attn.k_proj.weight", [KvHeads * HeadDim, Hidden]);
            yield return ($"{layer}.self_attn.v_proj.weight", [KvHeads * HeadDim, Hidden]);
            yield return ($"{layer}.self_attn.o_proj.weight", [Hidden, Heads * HeadDim]);
            yield return ($"{layer}.self_attn.q_norm.weight", [HeadDim]);
            yield return ($"{layer}.self_attn.k_norm.weight", [HeadDim]);
            yield return ($"{layer}.mlp.gate.weight", [Experts, Hidden]);
            for (var e = 0; e < Experts; e++)
            {
                yield return ($"{layer}.mlp.experts.{e}.gate_proj.weight", [Intermediate, Hidden]);
                yield return ($"{layer}.mlp.experts.{e}.up_proj.weight", [Intermediate, Hidden]);
                yield return ($"{layer}.mlp.experts.{e}.down_proj.weight", [Hidden, Intermediate]);
            }
        }
    }

    public void Dispose() => _folder.Dispose();

    private static TensorToWrite Tensor(string name, long[] shape, Random random)
    {
        var values = new ushort[shape.Aggregate(1L, (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
            values[i] = (ushort)(BitConverter.SingleToUInt32Bits(shape.Length == 1 ? 1 : (random.NextSingle() - 0.5f) / 2) >> 16);
        return TensorToWrite.FromBytes(name, DType.BF16, shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
    }
}
