using MathNet.Numerics.Distributions;

namespace Counterweight.Evaluation.Statistics;

/// <summary>An estimate with its uncertainty under Student's t distribution.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="StandardError">Its standard error, 0 or more; NaN where a single sample leaves it unknown.</param>
/// <param name="Low">Lower end of the 95 % interval.</param>
/// <param name="High">Upper end of the 95 % interval.</param>
/// <param name="PValue">Two-sided probability of an estimate at least as far from 0 if there were no difference.</param>
public readonly record struct StudentInterval(double Value, double StandardError, double Low, double High, double PValue)
{
    private const double TwoSided95 = 0.975;

    internal static StudentInterval Of(double value, double standardError, int samples)
    {
        if (samples < 2)
            return new StudentInterval(value, double.NaN, double.NegativeInfinity, double.PositiveInfinity, 1);
        if (standardError == 0)
            return new StudentInterval(value, 0, value, value, value == 0 ? 1 : 0);
        var freedom = samples - 1.0;
        var reach = StudentT.InvCDF(0, 1, freedom, TwoSided95) * standardError;
        var pValue = 2 * StudentT.CDF(0, 1, freedom, -Math.Abs(value) / standardError);
        return new StudentInterval(value, standardError, value - reach, value + reach, pValue);
    }
}
