namespace Counterweight.Engine.Models;

/// <summary>What the configs of Qwen's models have in common.</summary>
internal static class QwenLayers
{
    /// <summary>The layers that have experts: every <c>decoder_sparse_step</c>-th that <c>mlp_only_layers</c> does not name.</summary>
    public static IEnumerable<int> Sparse(DecoderConfig config)
    {
        var step = config.File.Int("decoder_sparse_step", 1, 4096, 1);
        var dense = config.File.IntList("mlp_only_layers", 0, config.Layers - 1, []);
        int[] sparse = [.. Enumerable.Range(0, config.Layers).Where(l => !dense.Contains(l) && (l + 1) % step == 0)];
        return sparse.Length > 0
            ? sparse
            : throw config.File.Refuse(dense.Length > 0 ? "mlp_only_layers" : "decoder_sparse_step", $"at least one of the {config.Layers} layers with experts");
    }

    /// <summary>Published files name a window and switch it off; then it is to be ignored.</summary>
    public static void RefuseWindow(DecoderConfig config)
    {
        var hasWindow = config.File.Has("sliding_window") | config.File.Has("max_window_layers");
        if (config.File.Bool("use_sliding_window", false) && hasWindow)
            throw config.File.Refuse("use_sliding_window", $"false: windowed attention is not supported for {config.ModelType}");
        if (config.File.StringList("layer_types", []).Any(type => type != "full_attention"))
            throw config.File.Refuse("layer_types", $"full_attention alone: windowed attention is not supported for {config.ModelType}");
    }
}
