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

    /// <summary>The width of windows; published files name one and switch it off, and then there is none.</summary>
    public static int? Window(DecoderConfig config) => config.SlidingWindow(fallback: 4096) is var width && config.File.Bool("use_sliding_window", false) ? width : null;
}
