using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Tests.Models;

/// <summary>A small random Qwen3-MoE checkpoint. The sizes fit no vector width on purpose.</summary>
internal sealed record TinyModel
{
    public int Hidden { get; init; } = 20;
    public int Heads { get; init; } = 4;
    public int KvHeads { get; init; } = 2;
    public int HeadDim { get; init; } = 12;
    public int Intermediate { get; init; } = 28;
    public int ExpertIntermediate { get; init; } = 40;
    public int Layers { get; init; } = 3;
    public int[] DenseLayers { get; init; } = [1];
    public int Experts { get; init; } = 7;
    public int TopK { get; init; } = 3;
    public int Vocabulary { get; init; } = 50;
    public int MaxPositions { get; init; } = 256;
    public int? EosToken { get; init; } = 3;
    public bool Tied { get; init; }
    public bool Bias { get; init; }
    public DType Type { get; init; } = DType.BF16;

    /// <summary>Another element type for the experts of odd numbers and all down projections.</summary>
    public DType? OtherExpertType { get; init; }

    public int Seed { get; init; } = 1;

    public static TinyModel Default { get; } = new();

    /// <summary>Another head width, dense layer, tying and element type.</summary>
    public static TinyModel Other { get; } = new()
    {
        Hidden = 36,
        Heads = 3,
        KvHeads = 1,
        HeadDim = 20,
        ExpertIntermediate = 24,
        Layers = 2,
        DenseLayers = [],
        Experts = 12,
        TopK = 4,
        Tied = true,
        Bias = true,
        Type = DType.F32,
        Seed = 2,
    };

    /// <summary>Experts of two element types: none can be loaded as the one precision of all, so that all are stored ones.</summary>
    public static TinyModel Mixed { get; } = new() { OtherExpertType = DType.F32, Seed = 3 };

    /// <summary>The config that the checkpoint gets.</summary>
    public JsonObject Config() => new()
    {
        ["model_type"] = "qwen3_moe",
        ["vocab_size"] = Vocabulary,
        ["hidden_size"] = Hidden,
        ["intermediate_size"] = Intermediate,
        ["moe_intermediate_size"] = ExpertIntermediate,
        ["num_hidden_layers"] = Layers,
        ["num_attention_heads"] = Heads,
        ["num_key_value_heads"] = KvHeads,
        ["head_dim"] = HeadDim,
        ["num_experts"] = Experts,
        ["num_experts_per_tok"] = TopK,
        ["norm_topk_prob"] = true,
        ["mlp_only_layers"] = JsonSerializer.SerializeToNode(DenseLayers),
        ["max_position_embeddings"] = MaxPositions,
        ["rope_theta"] = 10000.0,
        ["tie_word_embeddings"] = Tied,
        ["attention_bias"] = Bias,
        ["eos_token_id"] = EosToken,
    };

    /// <summary>Writes config and weights into a folder.</summary>
    public void Write(string folder)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), Config().ToJsonString());
        SafetensorsWriter.Write(Path.Combine(folder, Checkpoint.SingleFileName), Tensors());
    }

    /// <summary>All weights, each drawn by the seed in this order.</summary>
    public IReadOnlyList<TensorToWrite> Tensors()
    {
        var random = new Random(Seed);
        var tensors = new List<TensorToWrite> { Matrix("model.embed_tokens", Vocabulary, Hidden, 1) };
        for (var l = 0; l < Layers; l++)
        {
            var prefix = $"model.layers.{l}";
            tensors.AddRange([Norm($"{prefix}.input_layernorm", Hidden), Norm($"{prefix}.post_attention_layernorm", Hidden)]);
            tensors.AddRange([Norm($"{prefix}.self_attn.q_norm", HeadDim), Norm($"{prefix}.self_attn.k_norm", HeadDim)]);
            foreach (var (name, outputs) in new[] { ("q", Heads * HeadDim), ("k", KvHeads * HeadDim), ("v", KvHeads * HeadDim) })
                tensors.AddRange(Projection($"{prefix}.self_attn.{name}_proj", outputs, Hidden));
            tensors.AddRange(Projection($"{prefix}.self_attn.o_proj", Hidden, Heads * HeadDim));
            if (DenseLayers.Contains(l))
            {
                tensors.AddRange(Mlp($"{prefix}.mlp", Intermediate));
                continue;
            }
            tensors.Add(Matrix($"{prefix}.mlp.gate", Experts, Hidden, 2));
            for (var e = 0; e < Experts; e++)
                tensors.AddRange(Expert($"{prefix}.mlp.experts.{e}", e % 2 == 1));
        }
        tensors.Add(Norm("model.norm", Hidden));
        if (!Tied)
            tensors.Add(Matrix("lm_head", Vocabulary, Hidden, 1));
        return tensors;

        IEnumerable<TensorToWrite> Mlp(string name, int width) =>
            [Matrix($"{name}.gate_proj", width, Hidden, 1), Matrix($"{name}.up_proj", width, Hidden, 1), Matrix($"{name}.down_proj", Hidden, width, 1)];

        IEnumerable<TensorToWrite> Expert(string name, bool odd)
        {
            var type = odd ? OtherExpertType ?? Type : Type;
            return
            [
                Matrix($"{name}.gate_proj", ExpertIntermediate, Hidden, 1, type), Matrix($"{name}.up_proj", ExpertIntermediate, Hidden, 1, type),
                Matrix($"{name}.down_proj", Hidden, ExpertIntermediate, 1, OtherExpertType ?? Type),
            ];
        }

        IEnumerable<TensorToWrite> Projection(string name, int outputs, int inputs) => Bias
            ? [Matrix(name, outputs, inputs, 1), Tensor($"{name}.bias", [outputs], () => Draw() * 0.2f)]
            : [Matrix(name, outputs, inputs, 1)];

        TensorToWrite Norm(string name, int size) => Tensor($"{name}.weight", [size], () => 1 + 0.2f * Draw());

        TensorToWrite Matrix(string name, int outputs, int inputs, float size, DType? type = null) =>
            Tensor($"{name}.weight", [outputs, inputs], () => Draw() * size * MathF.Sqrt(3f / inputs), type);

        float Draw() => (float)(random.NextDouble() * 2 - 1);
    }

    private TensorToWrite Tensor(string name, long[] shape, Func<float> draw, DType? type = null)
    {
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
            values[i] = draw();
        return (type ?? Type) == DType.F32
            ? TensorToWrite.FromFloats(name, shape, values)
            : TensorToWrite.FromBytes(name, DType.BF16, shape, MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, BFloat16.RoundToNearest)).ToArray());
    }
}
