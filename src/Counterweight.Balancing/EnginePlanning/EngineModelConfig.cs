using System.Text.Json;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>What planning needs to know of a model, from the <c>config.json</c> of its checkpoint.</summary>
/// <param name="ModelType"><c>model_type</c>.</param>
/// <param name="HiddenLayers">All decoder layers.</param>
/// <param name="MtpLayers">Multi-token prediction layers beyond them.</param>
/// <param name="MoeLayers">Layer numbers of the MoE layers.</param>
/// <param name="Experts">Logical experts of each MoE layer.</param>
/// <param name="TopK">Experts that a token is sent to.</param>
/// <param name="Groups">Expert groups of the router; 1 without groups.</param>
/// <param name="HiddenSize">Width of the hidden state.</param>
/// <param name="IntermediateSize">Width of an expert.</param>
/// <param name="Precision">Precision of the checkpoint's experts.</param>
public sealed record EngineModelConfig(
    string ModelType, int HiddenLayers, int MtpLayers, IReadOnlyList<int> MoeLayers, int Experts, int TopK, int Groups,
    int HiddenSize, int IntermediateSize, Precision Precision)
{
    private const int MaxSize = 1 << 20;

    /// <summary>The fingerprint of plans that are made from recorded loads alone.</summary>
    public ModelFingerprint Fingerprint => new(ModelType, MoeLayers, Experts, TopK, WeightsHash: null);

    /// <summary>Bytes of an expert in the checkpoint's precision and those that GPU engines store.</summary>
    public ExpertCosts Costs => new(Precision,
        new[] { Precision.Bf16, Precision.Fp8, Precision.Int8, Precision.Int4 }.Append(Precision).Distinct()
        .ToDictionary(precision => precision, precision => ExpertBytes.Of(HiddenSize, IntermediateSize, precision)));

    /// <summary>Reads a config.</summary>
    /// <exception cref="InvalidInputException">It can't be read, is not that of a MoE model, or a number is out of range.</exception>
    public static EngineModelConfig Read(string path)
    {
        var root = JsonInput.Parse(path);
        if (root.Element.ValueKind != JsonValueKind.Object)
            throw root.Wrong("a model's config");
        var layers = Number(root, 1, PlanLimits.MaxLayer, null, "num_hidden_layers");
        var experts = Number(root, 1, PlanLimits.MaxExperts, null, "n_routed_experts", "num_experts", "num_local_experts");
        return new EngineModelConfig(
            root.Element.TryGetProperty("model_type", out _) ? root["model_type"].Name() : "unknown",
            layers,
            Number(root, 0, 16, 0, "num_nextn_predict_layers"),
            MoeLayersOf(root, layers),
            experts,
            Number(root, 1, experts, null, "num_experts_per_tok"),
            Number(root, 1, experts, 1, "n_group"),
            Number(root, 1, MaxSize, null, "hidden_size"),
            Number(root, 1, MaxSize, null, "moe_intermediate_size", "intermediate_size"),
            PrecisionOf(root));
    }

    private static int[] MoeLayersOf(JsonInput root, int layers)
    {
        var firstDense = Number(root, 0, layers, 0, "first_k_dense_replace");
        var step = Number(root, 1, layers, 1, "decoder_sparse_step", "moe_layer_freq");
        var dense = root.Element.TryGetProperty("mlp_only_layers", out var only) && only.ValueKind == JsonValueKind.Array
            ? root["mlp_only_layers"].Items().Select(item => (int)item.Integer(0, PlanLimits.MaxLayer)).ToHashSet()
            : [];
        // decoder_sparse_step counts layers from 1, moe_layer_freq from 0; both are 1 in all published models with several hundred experts.
        var offset = root.Element.TryGetProperty("decoder_sparse_step", out _) ? 1 : 0;
        int[] moe = [.. Enumerable.Range(0, layers).Where(l => l >= firstDense && (l + offset) % step == 0 && !dense.Contains(l))];
        return moe.Length > 0 ? moe : throw root.Error("no MoE layer", "the config of a MoE model");
    }

    private static Precision PrecisionOf(JsonInput root)
    {
        if (root.Element.TryGetProperty("quantization_config", out var quantization) && quantization.ValueKind == JsonValueKind.Object &&
            quantization.TryGetProperty("quant_method", out var method) && method.ValueKind == JsonValueKind.String
                && method.GetString() == "fp8")
            return Precision.Fp8;
        foreach (var key in (ReadOnlySpan<string>)["torch_dtype", "dtype"])
            if (root.Element.TryGetProperty(key, out _))
                return root[key].Text() switch
                {
                    "float32" => Precision.Fp32,
                    "float16" => Precision.Fp16,
                    _ => Precision.Bf16,
                };
        return Precision.Bf16;
    }

    private static int Number(JsonInput root, int min, int max, int? absent, params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
            if (root.Element.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null)
                return (int)root[key].Integer(min, max);
        return absent ?? throw root.Error($"no {keys[0]}", string.Join(" or ", keys.ToArray()));
    }
}
