namespace Counterweight.Engine.Models;

/// <summary>Which layers of a Qwen model have experts.</summary>
internal static class QwenLayers
{
    /// <summary>Every <c>decoder_sparse_step</c>-th layer that <c>mlp_only_layers</c> does not name.</summary>
    public static IEnumerable<int> Sparse(DecoderConfig config)
    {
        var step = config.File.Int("decoder_sparse_step", 1, 4096, 1);
        var dense = config.File.IntList("mlp_only_layers", 0, config.Layers - 1, []);
        return Enumerable.Range(0, config.Layers).Where(l => !dense.Contains(l) && (l + 1) % step == 0);
    }
}
