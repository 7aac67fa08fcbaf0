namespace Counterweight.Balancing.Loads.Import;

/// <summary>What the array of an .npy file holds.</summary>
public enum ArrayContent
{
    /// <summary>Ids per token if the name has <c>topk</c> (layers first) or <c>routed_experts</c> (tokens first), else counts.</summary>
    Auto,

    /// <summary>Tokens per expert: [layers][experts] or [steps][layers][experts].</summary>
    Counts,

    /// <summary>Expert ids of each token: [layers][tokens][k].</summary>
    LayerTokenIds,

    /// <summary>Expert ids of each token: [tokens][layers][k], as vLLM returns them.</summary>
    TokenLayerIds,
}

/// <summary>What a file of recorded loads does not say itself.</summary>
public sealed record ImportOptions
{
    /// <summary>Dense layers before the first MoE layer, 0 to 65535. Null recognises leading rows without any load. Default null.</summary>
    public int? DenseLayers { get; init; }

    /// <summary>Tokens of each window of a per-token trace, at least 1. Null makes one window of all. Default null.</summary>
    public int? TokensPerWindow { get; init; }

    /// <summary>Logical experts of each layer, for files that hold expert ids. Null takes the largest id. Default null.</summary>
    public int? Experts { get; init; }

    /// <summary>What .npy arrays hold. Default: told by the name.</summary>
    public ArrayContent Content { get; init; } = ArrayContent.Auto;

    /// <summary>Where in serving the loads were recorded. Null takes it from a name with <c>prefill</c> or <c>decode</c>. Default
    /// null.</summary>
    public LoadPhase? Phase { get; init; }
}

/// <summary>Recorded traffic and the numbers of the layers that it belongs to.</summary>
/// <param name="Trace">The loads, MoE layers only.</param>
/// <param name="MoeLayers">Layer number of each row, dense layers counted, ascending.</param>
public sealed record ImportedLoads(LoadTrace Trace, IReadOnlyList<int> MoeLayers);
