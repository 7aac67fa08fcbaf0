using Counterweight.Engine.Checkpoints;

namespace Counterweight.Engine.Layers;

/// <summary>The frequencies of a rotary embedding after scaling, and what cos and sin are multiplied with.</summary>
/// <param name="Inverse">Radians per position, [width / 2].</param>
/// <param name="AttentionFactor">Factor on cos and sin; 1 without YaRN.</param>
public sealed record RotaryFrequencies(float[] Inverse, float AttentionFactor)
{
    /// <summary>Positions up to which these frequencies are right; longer texts would need others.</summary>
    public int LongestText { get; init; } = int.MaxValue;

    /// <summary>Unscaled: baseᶿ^(−2i/width).</summary>
    public static RotaryFrequencies Plain(int width, double theta) =>
        new([.. Enumerable.Range(0, width / 2).Select(i => (float)(1 / Math.Pow(theta, 2.0 * i / width)))], 1f);

    /// <summary>Linear scaling: positions divided by the factor (Chen et al. 2023).</summary>
    public static RotaryFrequencies Linear(int width, double theta, double factor)
    {
        var plain = Plain(width, theta);
        return plain with { Inverse = [.. plain.Inverse.Select(f => (float)(f / factor))] };
    }

    /// <summary>
    /// Llama 3's scaling (Dubey et al. 2024, section 3.4): waves longer than original / low are slowed by the factor, those shorter than original / high are
    /// kept, and between them the two are mixed.
    /// </summary>
    public static RotaryFrequencies Llama3(int width, double theta, double factor, double low, double high, double originalPositions)
    {
        var plain = Plain(width, theta);
        return plain with
        {
            Inverse = [.. plain.Inverse.Select(frequency =>
            {
                var rotations = originalPositions * frequency / (2 * Math.PI);
                var kept = rotations >= high ? 1 : Math.Max((rotations - low) / (high - low), 0);
                return (float)(frequency * (kept + (1 - kept) / factor));
            })],
        };
    }

    /// <summary>Each frequency divided by a factor of its own: LongRoPE, and what GGUF files store in place of Llama 3's parameters.</summary>
    internal static RotaryFrequencies Divided(int width, double theta, ConfigReader scaling, string key)
    {
        var factors = scaling.DoubleList(key, 1e-6, 1e9);
        var plain = Plain(width, theta);
        return factors.Length == plain.Inverse.Length
            ? plain with { Inverse = [.. plain.Inverse.Select((frequency, i) => (float)(frequency / factors[i]))] }
            : throw scaling.Refuse(key, $"{plain.Inverse.Length} factors, one for each pair of dimensions");
    }

    /// <summary>YaRN (Peng et al. 2023): low frequencies interpolated, high ones kept, a ramp between.</summary>
    public static RotaryFrequencies Yarn(int width, double theta, YarnScaling yarn)
    {
        double Correction(double rotations) =>
            width * Math.Log(yarn.OriginalPositions / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta));
        var low = Correction(yarn.BetaFast);
        var high = Correction(yarn.BetaSlow);
        if (yarn.Truncate)
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        low = Math.Max(low, 0);
        high = Math.Min(high, width - 1);
        if (low == high)
            high += 0.001;
        var inverse = new float[width / 2];
        for (var i = 0; i < inverse.Length; i++)
        {
            var ramp = Math.Clamp((i - low) / (high - low), 0, 1);
            inverse[i] = (float)((ramp / yarn.Factor + 1 - ramp) / Math.Pow(theta, 2.0 * i / width));
        }
        return new RotaryFrequencies(inverse, (float)yarn.AttentionFactor);
    }

    /// <summary>
    /// LongRoPE (Ding et al. 2024): each frequency divided by a factor of its own, one set for texts up to the original length and one for longer ones. The first
    /// is meant here: longer texts would need the other one for keys that are cached already.
    /// </summary>
    private static RotaryFrequencies Short(int width, RopeSettings rope)
    {
        var original = rope.OriginalPositions;
        var extension = rope.Scaling!.Double("factor", 0, 1e6, (double)rope.MaxPositions / original);
        var usual = extension <= 1 ? 1 : Math.Sqrt(1 + Math.Log(extension) / Math.Log(original));
        rope.Scaling.Ignore("long_factor");
        return Divided(width, rope.Theta, rope.Scaling, "short_factor") with
        {
            AttentionFactor = (float)rope.Scaling.Double("attention_factor", 0, 1e3, usual),
            LongestText = original,
        };
    }

    /// <summary>What a config says.</summary>
    /// <exception cref="Balancing.InvalidInputException">A scaling that is not known, named.</exception>
    public static RotaryFrequencies Of(RopeSettings rope, int width)
    {
        var (scaling, theta) = (rope.Scaling, rope.Theta);
        switch (rope.Type)
        {
            case "default":
                return Plain(width, theta);
            case "linear":
                return Linear(width, theta, scaling!.Double("factor", 1, 1e6));
            case "dynamic":
                // The base grows with texts longer than the model was made for, and with no others.
                scaling!.Double("factor", 1, 1e6);
                return Plain(width, theta) with { LongestText = rope.MaxPositions };
            case "llama3":
                var low = scaling!.Double("low_freq_factor", 0, 1e6);
                return Llama3(width, theta, scaling.Double("factor", 1, 1e6), low, scaling.Double("high_freq_factor", low, 1e6), rope.OriginalPositions);
            case "yarn":
                return Yarn(width, theta, YarnScaling.Of(rope));
            case "longrope":
                return Short(width, rope);
            case "frequency_factors":
                return Divided(width, theta, scaling!, "factors");
            default:
                throw rope.RefuseType("default, linear, dynamic, llama3, yarn or longrope");
        }
    }
}

/// <summary>Parameters of YaRN.</summary>
/// <param name="Factor">Context extension.</param>
/// <param name="OriginalPositions">Context length of the original training.</param>
/// <param name="BetaFast">Rotations above which a frequency is kept.</param>
/// <param name="BetaSlow">Rotations below which a frequency is interpolated.</param>
/// <param name="Truncate">Whether the ramp's ends are rounded to whole dimensions.</param>
/// <param name="AttentionFactor">Factor on cos and sin.</param>
public sealed record YarnScaling(double Factor, double OriginalPositions, double BetaFast, double BetaSlow, bool Truncate, double AttentionFactor)
{
    /// <summary>Reads the settings of YaRN.</summary>
    public static YarnScaling Of(RopeSettings rope)
    {
        var scaling = rope.Scaling!;
        var factor = scaling.Double("factor", 1, 1e6, (double)rope.MaxPositions / rope.OriginalPositions);
        var mscale = scaling.Double("mscale", 0, 1e3, 0);
        var mscaleAllDim = scaling.Double("mscale_all_dim", 0, 1e3, 0);
        var usual = mscale > 0 && mscaleAllDim > 0 ? Magnitude(factor, mscale) / Magnitude(factor, mscaleAllDim) : Magnitude(factor, 1);
        return new YarnScaling(
            factor,
            rope.OriginalPositions,
            scaling.Double("beta_fast", 1e-6, 1e6, 32),
            scaling.Double("beta_slow", 1e-6, 1e6, 1),
            scaling.Bool("truncate", true),
            scaling.Double("attention_factor", 0, 1e3, usual));
    }

    /// <summary>m(s) = 0.1·s·ln(factor) + 1 (Peng et al. 2023, section 3.4).</summary>
    public static double Magnitude(double factor, double scale) => factor <= 1 ? 1 : 0.1 * scale * Math.Log(factor) + 1;
}
