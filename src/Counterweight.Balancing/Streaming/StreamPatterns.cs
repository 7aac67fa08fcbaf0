using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Policies.Robust;

namespace Counterweight.Balancing.Streaming;

/// <summary>A small piece of traffic: a stretch of text, or tokens drawn from recorded loads.</summary>
/// <param name="Kind">The kind of traffic that it is of, 0-based.</param>
/// <param name="Index">Its index among the kind's units.</param>
public readonly record struct StreamUnit(int Kind, int Index);

/// <summary>A segment of a stream before its loads are added up.</summary>
/// <param name="Name">What comes.</param>
/// <param name="Windows">The units of each window, [windows][units].</param>
public sealed record UnitSegment(string Name, StreamUnit[][] Windows);

/// <summary>
/// Puts streams together from kinds of traffic (domains, workloads). Each kind is a list of units that is gone through in order, again
/// from its start at its end.
/// </summary>
public sealed class StreamPatterns
{
    internal const string Adversarial = "adversarial", Domains = "domains", Mixtures = "mixtures", Bursts = "bursts";

    private readonly StreamShape _shape;
    private readonly IReadOnlyList<string> _names;
    private readonly IReadOnlyList<IReadOnlyList<ExpertLoads>> _units;

    /// <param name="names">A name for each kind, at least two.</param>
    /// <param name="units">The units of each kind, at least one, all of one shape.</param>
    /// <param name="shape">Length and grain.</param>
    /// <exception cref="InvalidInputException">There are fewer than two kinds, or the shape is out of range.</exception>
    public StreamPatterns(IReadOnlyList<string> names, IReadOnlyList<IReadOnlyList<ExpertLoads>> units, StreamShape shape)
    {
        shape.Check();
        if (names.Count < 2)
            throw new InvalidInputException("stream", $"{names.Count} kinds of traffic", "at least two, to change between");
        (_names, _units, _shape) = (names, units, shape);
    }

    /// <summary>
    /// <c>adversarial</c>: each segment is the kind whose loads differ most from the segment before, kinds that were used least first.
    /// <c>domains</c>: one kind after the other. <c>mixtures</c>: each segment passes gradually from one kind to the next. <c>bursts</c>:
    /// all kinds at once, and in each segment, for a third of its windows, one kind alone.
    /// </summary>
    public static IReadOnlyList<string> Names { get; } = [Adversarial, Domains, Mixtures, Bursts];

    /// <summary>The units of a stream.</summary>
    /// <exception cref="InvalidInputException">There is no such pattern.</exception>
    public IReadOnlyList<UnitSegment> Layout(string pattern)
    {
        var cursor = new int[_names.Count];
        return pattern switch
        {
            Adversarial => [.. MostDifferent().Select(kind => Segment(_names[kind], (_, _) => kind, cursor))],
            Domains => [.. Enumerable.Range(0, _shape.Segments).Select(s => Segment(_names[s % _names.Count], (_, _) => s % _names.Count, cursor))],
            Mixtures => [.. Enumerable.Range(0, _shape.Segments).Select(s => Mixture(s % _names.Count, (s + 1) % _names.Count, cursor))],
            Bursts => BurstSegments(cursor),
            _ => throw new InvalidInputException("stream", $"\"{pattern}\"", "one of " + string.Join(", ", Names)),
        };
    }

    /// <summary>The loads of a stream.</summary>
    /// <exception cref="InvalidInputException">There is no such pattern.</exception>
    public LoadStream Build(string pattern) => new(pattern, [.. Layout(pattern).Select(segment =>
        new StreamSegment(segment.Name, [.. segment.Windows.Select(window => ExpertLoads.Sum([.. window.Select(unit => _units[unit.Kind][unit.Index])]))]))]);

    private UnitSegment Segment(string name, Func<int, int, int> kindOf, int[] cursor) => new(name,
        [.. Enumerable.Range(0, _shape.Windows).Select(w => Enumerable.Range(0, _shape.Units).Select(u => Next(kindOf(w, u), cursor)).ToArray())]);

    private StreamUnit Next(int kind, int[] cursor) => new(kind, cursor[kind]++ % _units[kind].Count);

    private UnitSegment Mixture(int from, int to, int[] cursor) => Segment($"{_names[from]} to {_names[to]}",
        (w, u) => u * (_shape.Windows + 1) < (w + 1) * _shape.Units ? to : from, cursor);

    private UnitSegment[] BurstSegments(int[] cursor)
    {
        var random = new SearchRandom(_shape.Seed);
        var length = (_shape.Windows + 2) / 3;
        var turn = 0;
        var segments = new UnitSegment[_shape.Segments];
        for (var s = 0; s < segments.Length; s++)
        {
            var (kind, first) = (random.Below(_names.Count), random.Below(_shape.Windows - length + 1));
            segments[s] = Segment($"all, burst of {_names[kind]}", (w, _) => w >= first && w < first + length ? kind : turn++ % _names.Count, cursor);
        }
        return segments;
    }

    private int[] MostDifferent()
    {
        var shares = _units.Select(kind => Shares(ExpertLoads.Sum(kind))).ToArray();
        var mean = Enumerable.Range(0, shares[0].Length).Select(i => shares.Average(kind => kind[i])).ToArray();
        var uses = new int[shares.Length];
        var order = new int[_shape.Segments];
        for (var s = 0; s < order.Length; s++)
        {
            var before = s == 0 ? mean : shares[order[s - 1]];
            order[s] = Enumerable.Range(0, shares.Length).Where(kind => s == 0 || kind != order[s - 1])
                .OrderBy(kind => uses[kind]).ThenByDescending(kind => Distance(shares[kind], before)).First();
            uses[order[s]]++;
        }
        return order;
    }

    private static double Distance(double[] a, double[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Sum();

    private static double[] Shares(ExpertLoads loads)
    {
        var shares = new double[loads.Layers * loads.Experts];
        for (var l = 0; l < loads.Layers; l++)
        {
            double sum = 0;
            foreach (var tokens in loads[l])
                sum += tokens;
            for (var e = 0; e < loads.Experts && sum > 0; e++)
                shares[l * loads.Experts + e] = loads[l][e] / sum;
        }
        return shares;
    }
}
