namespace Counterweight.Engine.Models;

/// <summary>Models that rotate only the first dimensions of each head.</summary>
internal static class PartialRotary
{
    /// <summary>Dimensions that are rotated: headDim · <c>partial_rotary_factor</c>, wherever the file has it.</summary>
    public static int Width(DecoderConfig config, double fallback)
    {
        var nested = config.File.OptionalObject("rope_parameters");
        var factor = nested?.Has("partial_rotary_factor") == true
            ? nested.Double("partial_rotary_factor", 0, 1)
            : config.File.Double("partial_rotary_factor", 0, 1, fallback);
        var width = (int)(config.HeadDim * factor);
        return width >= 2 && width % 2 == 0 ? width : throw config.File.Refuse("partial_rotary_factor", $"a factor that makes an even width of head_dim = {config.HeadDim}");
    }
}
