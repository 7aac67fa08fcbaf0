using System.Globalization;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Reports.Html.Charts;
using Counterweight.Evaluation.Statistics;
using MathNet.Numerics.Distributions;

namespace Counterweight.Evaluation.Studies.BatchSize;

/// <summary>The cells as tables, pictures and sentences.</summary>
internal sealed class BatchSizeTables
{
    private const string AllDomains = "all";

    private readonly IReadOnlyList<BatchCell> _cells;
    private readonly List<(BatchKind Kind, PairedComparison Growth, int Rising, int Cells, double SignTest, int Small, int Large)> _trends = [];

    public BatchSizeTables(IReadOnlyList<BatchCell> cells, IReadOnlyList<int> layers)
    {
        _cells = cells;
        foreach (var cell in cells)
            Layers.Add(cell.Kind.Phase, cell.Kind.Unit, cell.Kind.Padded, cell.Domain, layers[cell.Layer], cell.Size, cell.Batches, cell.Tokens, cell.Lis, cell.StandardError,
                cell.IndependentTokens.Mean, cell.IndependentTokens.Low, cell.IndependentTokens.High, cell.MeanLoads.Mean, cell.MeanLoads.Low, cell.MeanLoads.High,
                cell.Uniform.Mean, cell.Uniform.Low, cell.Uniform.High, cell.PValue);
        foreach (var group in cells.GroupBy(cell => (cell.Kind, cell.Domain, cell.Size)))
            Means.Add(group.Key.Kind.Phase, group.Key.Kind.Unit, group.Key.Kind.Padded, group.Key.Domain, group.Key.Size, group.First().Tokens,
                group.Average(cell => cell.Lis), group.Average(cell => cell.IndependentTokens.Mean), group.Average(cell => cell.MeanLoads.Mean),
                group.Average(cell => cell.Uniform.Mean), group.Count(cell => cell.Lis > cell.IndependentTokens.High), group.Count(cell => cell.Lis < cell.IndependentTokens.Low));
        foreach (var kind in BatchKind.All)
            AddTrend(kind);
    }

    public StudyTable Layers { get; } = new("lis", "LIS by batch size, layer and domain",
        "A row is a batch size in one layer. Chance columns: independent tokens, measured mean loads, uniform; low and high hold 95 % of what chance gives. pValue: two-sided, against independent tokens.",
        "phase", "unit", "padded", "domain", "layer", "batchSize", "batches", "tokensPerBatch", "lis", "stderr", "chanceTokens", "chanceTokensLow", "chanceTokensHigh",
        "chanceLoads", "chanceLoadsLow", "chanceLoadsHigh", "chanceUniform", "chanceUniformLow", "chanceUniformHigh", "pValue");

    public StudyTable Means { get; } = new("lis-means", "LIS by batch size, mean over layers",
        "The last two columns count layers whose LIS lies above or below the 95 % interval of independent tokens.",
        "phase", "unit", "padded", "domain", "batchSize", "tokensPerBatch", "lis", "chanceTokens", "chanceLoads", "chanceUniform", "layersAboveChance", "layersBelowChance");

    public StudyTable Trends { get; } = new("trends", "Does LIS grow with batch size?",
        "LIS at the largest batch that every domain has, less LIS at the smallest, over layers and domains (paired; Student's t, and a two-sided sign test). Layers of one model are not independent samples: take p-values as a guide.",
        "phase", "unit", "padded", "smallBatch", "largeBatch", "lisSmall", "lisLarge", "growth", "low", "high", "pValue", "cells", "cellsRising", "signTest", "excessSmall", "excessLarge");

    private void AddTrend(BatchKind kind)
    {
        var cells = _cells.Where(cell => cell.Kind == kind && cell.Domain != AllDomains).ToLookup(cell => (cell.Domain, cell.Layer));
        if (cells.Count < 2)
            return;
        var (small, large) = (cells.Max(cell => cell.Min(c => c.Size)), cells.Min(cell => cell.Max(c => c.Size)));
        var before = cells.Select(cell => cell.First(c => c.Size == small)).ToArray();
        var after = cells.Select(cell => cell.First(c => c.Size == large)).ToArray();
        var growth = PairedComparison.Of([.. before.Select(cell => cell.Lis)], [.. after.Select(cell => cell.Lis)]);
        var rising = before.Zip(after).Count(pair => pair.Second.Lis > pair.First.Lis);
        var moved = before.Zip(after).Count(pair => pair.Second.Lis != pair.First.Lis);
        var sign = moved == 0 || 2 * rising == moved ? 1 : Math.Min(1, 2 * Binomial.CDF(0.5, moved, Math.Min(rising, moved - rising)));
        _trends.Add((kind, growth, rising, before.Length, sign, small, large));
        Trends.Add(kind.Phase, kind.Unit, kind.Padded, small, large, growth.Before, growth.After, growth.Difference.Value, growth.Difference.Low, growth.Difference.High,
            growth.Difference.PValue, before.Length, rising, sign, Excess(before), Excess(after));
    }

    private static double Excess(IEnumerable<BatchCell> cells) => cells.Average(cell => cell.Lis / cell.IndependentTokens.Mean);

    public IReadOnlyList<string> Findings()
    {
        var findings = new List<string>();
        foreach (var (kind, growth, rising, cells, sign, small, large) in _trends)
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"{Capital(kind.Name)}: from batch {small} to {large} LIS goes from {growth.Before:0.00} to {growth.After:0.00} ")
                + string.Create(CultureInfo.InvariantCulture, $"({growth.Difference.Value:+0.00;-0.00;0.00}, 95 % {growth.Difference.Low:+0.00;-0.00;0.00} to {growth.Difference.High:+0.00;-0.00;0.00}); ")
                + string.Create(CultureInfo.InvariantCulture, $"it rises in {rising} of {cells} layers × domains (sign test p = {sign:0.###E0}). ")
                + (growth.Difference.Low > 0 ? "It grows." : growth.Difference.High < 0 ? "It falls: the claim does not hold here." : "No trend can be told."));
        foreach (var kind in BatchKind.All.Where(kind => _cells.Any(cell => cell.Kind == kind && cell.Domain == AllDomains)))
        {
            var largest = _cells.Where(cell => cell.Kind == kind && cell.Domain == AllDomains).GroupBy(cell => cell.Size).MaxBy(group => group.Key)!;
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"{Capital(kind.Name)}, all domains mixed, batch {largest.Key}: LIS {largest.Average(c => c.Lis):0.00}, independent tokens {largest.Average(c => c.IndependentTokens.Mean):0.00}, ")
                + string.Create(CultureInfo.InvariantCulture, $"measured mean loads {largest.Average(c => c.MeanLoads.Mean):0.00}, equal loads {largest.Average(c => c.Uniform.Mean):0.00}."));
        }
        return findings;
    }

    public IEnumerable<StudyChart> Charts()
    {
        foreach (var kind in BatchKind.All)
            if (_cells.Any(cell => cell.Kind == kind && cell.Domain == AllDomains))
            {
                yield return new StudyChart($"chance-{kind.FileName}", Against(kind), Means);
                yield return new StudyChart($"domains-{kind.FileName}", ByDomain(kind), Means);
            }
        yield return new StudyChart("layers-prefill-sequences", ByLayer(BatchKind.All[1]), Layers);
    }

    private LineChart Against(BatchKind kind)
    {
        var sizes = Sizes(kind, AllDomains);
        double[] Mean(Func<BatchCell, double> value) => [.. sizes.Select(size => At(kind, AllDomains, size).Average(value))];
        LineSeries Band(string name, string colour, Func<BatchCell, Chance> chance) => new(name, colour, Mean(cell => chance(cell).Mean))
        {
            Band = (Mean(cell => chance(cell).Low), Mean(cell => chance(cell).High)),
            Dashed = true,
        };
        return Chart($"LIS by batch size: {kind.Name}", "All domains mixed, mean over layers, against what chance gives.", kind, sizes,
        [
            new LineSeries("measured", "s0", Mean(cell => cell.Lis)),
            Band("chance, independent tokens", "s1", cell => cell.IndependentTokens),
            Band("chance, measured mean loads", "s2", cell => cell.MeanLoads),
            Band("chance, equal loads", "s7", cell => cell.Uniform),
        ]);
    }

    private LineChart ByDomain(BatchKind kind)
    {
        var sizes = Sizes(kind, AllDomains);
        var domains = _cells.Select(cell => cell.Domain).Distinct().Where(domain => domain != AllDomains);
        return Chart($"By domain: {kind.Name}", "Mean over layers; a line ends where a domain has no more sequences for a batch.", kind, sizes,
            [.. domains.Select((domain, i) => new LineSeries(domain, $"s{i % 8}",
                [.. sizes.Select(size => At(kind, domain, size) is { Count: > 0 } cells ? cells.Average(cell => cell.Lis) : double.NaN)]))]);
    }

    private LineChart ByLayer(BatchKind kind)
    {
        var sizes = Sizes(kind, AllDomains);
        return Chart($"By layer: {kind.Name}", "All domains mixed.", kind, sizes,
            [.. _cells.Select(cell => cell.Layer).Distinct().Take(8).Select((layer, i) => new LineSeries($"MoE layer {layer}", $"s{i}",
                [.. sizes.Select(size => At(kind, AllDomains, size).Single(cell => cell.Layer == layer).Lis)]))]);
    }

    private static LineChart Chart(string title, string description, BatchKind kind, int[] sizes, LineSeries[] series) =>
        new(title, description, "LIS", $"batch size, {kind.Unit}")
        {
            Categories = Array.ConvertAll(sizes, size => size.ToString(CultureInfo.InvariantCulture)),
            Series = series,
            Print = FigureText.Score,
        };

    private int[] Sizes(BatchKind kind, string domain) => [.. _cells.Where(cell => cell.Kind == kind && cell.Domain == domain).Select(cell => cell.Size).Distinct()];

    private List<BatchCell> At(BatchKind kind, string domain, int size) => [.. _cells.Where(cell => cell.Kind == kind && cell.Domain == domain && cell.Size == size)];

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
