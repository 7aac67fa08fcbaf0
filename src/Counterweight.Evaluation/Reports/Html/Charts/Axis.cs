using System.Globalization;

namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>How values are spread along an axis.</summary>
internal enum AxisKind { Linear, Sqrt, Log }

/// <summary>Maps values to coordinates and chooses round ticks.</summary>
internal sealed class Axis
{
    private readonly Func<double, double> _spread;
    private readonly double _low, _high, _from, _to, _floor;

    private Axis(AxisKind kind, double min, double max, double from, double to)
    {
        _spread = kind switch
        {
            AxisKind.Sqrt => Math.Sqrt,
            AxisKind.Log => Math.Log10,
            _ => value => value,
        };
        (_floor, _from, _to) = (kind is AxisKind.Linear ? double.NegativeInfinity : min, from, to);
        (_low, _high) = (_spread(min), _spread(max));
        Ticks = kind switch
        {
            AxisKind.Log => DecadeTicks(min, max),
            AxisKind.Sqrt => SqrtTicks(max),
            _ => EvenTicks(min, max),
        };
    }

    /// <summary>Round values inside the range.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>A linear axis from 0 (or below, where values are negative) to a round value above the largest.</summary>
    public static Axis FromZero(IEnumerable<double> values, double from, double to)
    {
        var finite = values.Where(double.IsFinite).DefaultIfEmpty(1).ToArray();
        var (min, max) = (Math.Min(0, finite.Min()), Math.Max(0, finite.Max()));
        if (max - min < 1e-12)
            max = min + 1;
        var step = NiceStep((max - min) / 4);
        return new Axis(AxisKind.Linear, Math.Floor(min / step) * step, Math.Ceiling(max / step) * step, from, to);
    }

    /// <summary>Logarithmic where positive values span more than a decade, square root where they reach 0, else linear.</summary>
    public static Axis Fitting(IEnumerable<double> values, double from, double to)
    {
        var finite = values.Where(double.IsFinite).DefaultIfEmpty(1).ToArray();
        var (min, max) = (finite.Min(), finite.Max());
        if (min > 0 && max / min > 10)
            return new Axis(AxisKind.Log, min / 1.2, max * 1.2, from, to);
        if (min is >= 0 and <= 0 && max > 0)
            return FromZeroSqrt(max, from, to);
        var margin = Math.Max((max - min) * 0.05, Math.Abs(max) * 1e-6 + 1e-9);
        return new Axis(AxisKind.Linear, min - margin, max + margin, from, to);
    }

    /// <summary>A square-root axis: shows 0 and still parts small values.</summary>
    public static Axis FromZeroSqrt(double max, double from, double to) => new(AxisKind.Sqrt, 0, Math.Max(max, 1e-9) * 1.05, from, to);

    public double Map(double value) =>
        _from + (_spread(Math.Max(value, _floor)) - _low) / (_high - _low) * (_to - _from);

    /// <summary>A tick's label, as short as it can be.</summary>
    public static string Label(double tick) => Math.Abs(tick) switch
    {
        0 => "0",
        >= 1e6 => (tick / 1e6).ToString("0.##", CultureInfo.InvariantCulture) + "M",
        >= 1e4 => (tick / 1e3).ToString("0.##", CultureInfo.InvariantCulture) + "k",
        < 1e-3 => tick.ToString("0.#e0", CultureInfo.InvariantCulture),
        _ => tick.ToString("0.####", CultureInfo.InvariantCulture),
    };

    private static double[] EvenTicks(double min, double max)
    {
        // Round steps may leave a single tick in the range: then half the step does.
        var (step, first, last) = (0.0, 0L, 0L);
        for (var parts = 4; last - first < 2 && parts <= 16; parts *= 2)
        {
            step = NiceStep((max - min) / parts);
            (first, last) = ((long)Math.Ceiling(min / step - 1e-9), (long)Math.Floor(max / step + 1e-9));
        }
        return [.. Enumerable.Range(0, (int)(last - first + 1)).Select(i => (first + i) * step)];
    }

    private static double[] DecadeTicks(double min, double max)
    {
        var decades = Math.Log10(max / min);
        double[] steps = decades < 2.5 ? [1, 2, 5] : [1];
        var exponents = Enumerable.Range((int)Math.Floor(Math.Log10(min)), (int)decades + 2);
        var every = Math.Max(1, (int)(decades / 5));
        return [.. exponents.Where(exponent => exponent % every == 0)
            .SelectMany(exponent => steps.Select(step => step * Math.Pow(10, exponent)))
            .Where(tick => tick >= min && tick <= max)];
    }

    private static double[] SqrtTicks(double max)
    {
        var unit = NiceStep(max / 8);
        return [.. new double[] { 0, 1, 2, 4, 6, 8, 12, 16 }.Select(i => i * unit).Where(tick => tick <= max)];
    }

    private static double NiceStep(double raw)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        return (raw / power) switch
        {
            <= 1.0000001 => power,
            <= 2.0000001 => 2 * power,
            <= 5.0000001 => 5 * power,
            _ => 10 * power,
        };
    }
}
