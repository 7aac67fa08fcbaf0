namespace Counterweight.Engine.Layers;

/// <summary>The error function erf(x) = 2/√π · ∫₀ˣ exp(−t²) dt, to about 1e-15.</summary>
internal static class ErrorFunction
{
    private const double SeriesBelow = 3;

    /// <summary>erf(x).</summary>
    public static double Of(double x)
    {
        var size = Math.Abs(x);
        return size < SeriesBelow ? Series(x) : Math.CopySign(1 - Complement(size), x);
    }

    /// <summary>2x/√π · exp(−x²) · Σ (2x²)ⁿ / (1·3·5·…·(2n+1)) (Abramowitz &amp; Stegun 7.1.6), whose terms are all positive.</summary>
    private static double Series(double x)
    {
        var (sum, term) = (1.0, 1.0);
        for (var n = 1; term > sum * 1e-17; n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 * x / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    /// <summary>1 − erf(x) for x ≥ 3 by its continued fraction (Abramowitz &amp; Stegun 7.1.14).</summary>
    private static double Complement(double x)
    {
        const int Terms = 40;
        var fraction = x;
        for (var n = Terms; n > 0; n--)
            fraction = x + n / 2.0 / fraction;
        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / fraction;
    }
}
