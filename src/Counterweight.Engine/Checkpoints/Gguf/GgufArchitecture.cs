using System.Text.Json.Nodes;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>
/// How an architecture of llama.cpp becomes the checkpoint that its converter started from: what its tensors are called there, and which
/// keys of <c>config.json</c> the metadata stands for. Names are those behind <c>model.layers.N.</c>.
/// </summary>
/// <param name="Name"><c>general.architecture</c>.</param>
/// <param name="ModelTypes">The values of <c>model_type</c> that it may stand for.</param>
/// <param name="Configure">Adds what the common keys leave open; sets <c>model_type</c> where there are several.</param>
internal sealed record GgufArchitecture(string Name, string[] ModelTypes, Action<GgufConfigDraft> Configure)
{
    /// <summary>The router's projection.</summary>
    public string Router { get; init; } = "mlp.gate";

    /// <summary>The experts: <c>PREFIX.NUMBER.PROJECTION.weight</c>.</summary>
    public string Experts { get; init; } = "mlp.experts";

    /// <summary>What the three projections of an expert are called.</summary>
    public (string Gate, string Up, string Down) Projections { get; init; } = ("gate_proj", "up_proj", "down_proj");

    /// <summary>Whether the family keeps all experts of a layer in one tensor: then they are asked for by the names that stand here.</summary>
    public bool FusedExperts { get; init; }

    /// <summary>The shared experts' MLP.</summary>
    public string Shared { get; init; } = "mlp.shared_experts";

    /// <summary>The MLP of dense layers.</summary>
    public string Dense { get; init; } = "mlp";

    /// <summary>What is added to the scores before the choice.</summary>
    public string CorrectionBias { get; init; } = "mlp.gate.e_score_correction_bias";

    /// <summary>The converter reorders the rows of q and k so that adjacent pairs rotate.</summary>
    public bool ReordersHeads { get; init; }

    /// <summary>Names that differ from the usual ones, by the names in the file without <c>blk.N.</c>.</summary>
    public IReadOnlyDictionary<string, string> OwnNames { get; init; } = new Dictionary<string, string>();

    /// <summary>What stands where <c>config.json</c> would.</summary>
    public JsonObject Config(GgufTensors tensors) => GgufConfigDraft.Make(this, tensors);

    /// <summary>The name of a tensor of a layer, other than experts' and those that are put together; null for one that isn't known.</summary>
    public string? NameOf(string part)
    {
        if (OwnNames.TryGetValue(part, out var own))
            return own;
        return part switch
        {
            "attn_norm.weight" => "input_layernorm.weight",
            "attn_norm.bias" => "input_layernorm.bias",
            "ffn_norm.weight" => "post_attention_layernorm.weight",
            "ffn_norm.bias" => "post_attention_layernorm.bias",
            "attn_q.weight" => "self_attn.q_proj.weight",
            "attn_q.bias" => "self_attn.q_proj.bias",
            "attn_k.weight" => "self_attn.k_proj.weight",
            "attn_k.bias" => "self_attn.k_proj.bias",
            "attn_v.weight" => "self_attn.v_proj.weight",
            "attn_v.bias" => "self_attn.v_proj.bias",
            "attn_output.weight" => "self_attn.o_proj.weight",
            "attn_output.bias" => "self_attn.o_proj.bias",
            "attn_q_norm.weight" => "self_attn.q_norm.weight",
            "attn_k_norm.weight" => "self_attn.k_norm.weight",
            "ffn_gate.weight" => $"{Dense}.{Projections.Gate}.weight",
            "ffn_up.weight" => $"{Dense}.{Projections.Up}.weight",
            "ffn_down.weight" => $"{Dense}.{Projections.Down}.weight",
            "ffn_gate_shexp.weight" => $"{Shared}.{Projections.Gate}.weight",
            "ffn_up_shexp.weight" => $"{Shared}.{Projections.Up}.weight",
            "ffn_down_shexp.weight" => $"{Shared}.{Projections.Down}.weight",
            "ffn_gate_inp.weight" => $"{Router}.weight",
            "ffn_gate_inp.bias" => $"{Router}.bias",
            "exp_probs_b.bias" or "exp_probs_b" => CorrectionBias,
            _ => null,
        };
    }
}
