using System.Globalization;
using Counterweight.Balancing.Loads;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Reports.Html;
using Counterweight.Evaluation.Reports.Html.Charts;
using Counterweight.Evaluation.Statistics;

namespace Counterweight.Evaluation.Studies.Policies;

/// <summary>Device imbalance of a variant's traffic, by device count and then by split.</summary>
internal delegate IReadOnlyDictionary<int, IReadOnlyDictionary<string, Imbalance>> DeviceFigures(MeasuredVariant variant, MeasuredTraffic traffic);

/// <summary>Measured variants as tables, pictures and sentences. The first one is the model as it is.</summary>
internal sealed class PolicyTables
{
    private const string Text = "text";
    private static readonly int[] DeviceCounts = [2, 4, 8, 16];

    private readonly IReadOnlyList<MeasuredVariant> _variants;
    private readonly double[] _straggler;
    private readonly List<(MeasuredVariant Variant, TaskComparison Task)> _comparisons;

    public PolicyTables(IReadOnlyList<MeasuredVariant> variants, DeviceFigures devices)
    {
        _variants = variants;
        _straggler = [.. variants.Select(variant => variant.TextTraffic.StragglerRatio(Raw.TextTraffic))];
        _comparisons = [.. from variant in variants
                           from task in variant.Tasks.Zip(Raw.Tasks)
                           from comparison in TaskComparison.Of(task.First.Name, task.Second.Results, task.First.Results)
                           select (variant, comparison)];
        foreach (var variant in variants)
        {
            AddPolicy(variant);
            AddTraffic(variant, Text, variant.TextTraffic, Raw.TextTraffic, devices);
            foreach (var (task, raw) in variant.Tasks.Zip(Raw.Tasks))
                AddTraffic(variant, task.Name, task.Traffic, raw.Traffic, devices);
            AddGeneration(variant);
        }
        AddTasks();
    }

    public StudyTable Policies { get; } = new("policies", "Policies: bytes, balance, loss",
        "Evaluation text. Bytes as held; lossRise in nats per token, paired over documents, with its 95 % interval; bytePerplexity per byte of text.",
        "policy", "command", "expertBytes", "bytesRatio", "slots", "lis", "lisPaper", "straggler", "predictedLossRise", "perplexity", "bytePerplexity", "lossRise", "low", "high", "pValue");

    public StudyTable Traffic { get; } = new("traffic", "Balance by traffic",
        "A row is a policy on evaluation text or on the text of one task: LIS and paper form mean over layers, worst layer, straggler (busiest slot before / after), device imbalance (max / mean load, mean over layers) under the even and the least-loaded split.",
        ["policy", "traffic", "lis", "lisWorst", "lisPaper", "straggler", .. DeviceCounts.SelectMany(count => new[] { $"devices{count}Even", $"devices{count}LeastLoaded" })]);

    public StudyTable Tasks { get; } = new("tasks", "Accuracy, paired",
        "Each metric of each task or group under each policy, with its paired difference from raw (95 % interval, Student's t), exact McNemar test for metrics of 0 and 1, and Holm's correction over all rows but raw's.",
        "policy", "task", "metric", "samples", "value", "stderr", "difference", "low", "high", "pValue", "lost", "gained", "mcnemar", "holm");

    public StudyTable Generation { get; } = new("generation", "Generation",
        "Greedy continuations of evaluation text. sameTokens: share of tokens before the first one that differs from raw; identical: share of continuations without a difference. LIS of the decoding steps.",
        "policy", "continuations", "tokens", "sameTokens", "identical", "decodeLis", "decodeLisPaper", "decodeStraggler");

    private MeasuredVariant Raw => _variants[0];

    private void AddPolicy(MeasuredVariant variant)
    {
        var loss = PerplexityComparison.Of(Raw.Text, variant.Text);
        Policies.Add(variant.Variant.Name, variant.Variant.Command, variant.ExpertBytes, BytesRatio(variant), variant.Plan.Layers.Sum(layer => layer.Slots.Count),
            Lis(variant.TextTraffic.Slots).Average(), PaperLis(variant, variant.TextTraffic.Slots), variant.TextTraffic.StragglerRatio(Raw.TextTraffic), variant.Plan.Forecast.Loss,
            variant.Text.Total.Perplexity, variant.Text.Total.BytePerplexity, loss.NatsPerToken.Value, loss.NatsPerToken.Low, loss.NatsPerToken.High, loss.NatsPerToken.PValue);
    }

    private void AddTraffic(MeasuredVariant variant, string name, MeasuredTraffic traffic, MeasuredTraffic raw, DeviceFigures devices)
    {
        var (lis, imbalance) = (Lis(traffic.Slots), devices(variant, traffic));
        Traffic.Add([variant.Variant.Name, name, lis.Average(), lis.Max(), PaperLis(variant, traffic.Slots), traffic.StragglerRatio(raw),
            .. DeviceCounts.SelectMany(count => new[] { SplitNames.Even, SplitNames.LeastLoaded }
                .Select(split => (object?)(imbalance.TryGetValue(count, out var figures) ? figures[split].Mean : null)))]);
    }

    private void AddTasks()
    {
        var tested = _comparisons.Where(entry => entry.Variant != Raw).ToArray();
        var holm = new Queue<double>(TaskComparison.Holm([.. tested.Select(entry => entry.Task.PValue)]));
        foreach (var (variant, task) in _comparisons)
            Tasks.Add(variant.Variant.Name, task.Task, task.Metric, task.Paired.Samples, task.Paired.After, task.StandardError,
                task.Paired.Difference.Value, task.Paired.Difference.Low, task.Paired.Difference.High, task.Paired.Difference.PValue,
                task.McNemar?.Lost, task.McNemar?.Gained, task.McNemar?.PValue, variant == Raw ? null : holm.Dequeue());
    }

    private void AddGeneration(MeasuredVariant variant)
    {
        var (raw, now) = (Raw.Generation, variant.Generation);
        if (raw.Traffic.Passes.Count == 0)
            return;
        var slots = now.Traffic.Slots.Where(layer => layer.Max() > 0).ToArray(); // an encoder has no part in decoding
        Generation.Add(variant.Variant.Name, raw.Tokens.Length, raw.Tokens.Sum(text => text.Length), now.SameTokens(raw),
            (double)raw.Tokens.Zip(now.Tokens).Count(pair => pair.First.SequenceEqual(pair.Second)) / raw.Tokens.Length,
            Lis(slots).Average(), PaperLis(variant, slots), now.Traffic.StragglerRatio(raw.Traffic));
    }

    private double BytesRatio(MeasuredVariant variant) => (double)variant.ExpertBytes / Raw.ExpertBytes;

    private static double[] Lis(long[][] slots) => Array.ConvertAll(slots, layer => LoadImbalance.MaxOverMean<long>(layer));

    private static double PaperLis(MeasuredVariant variant, long[][] slots) => slots.Average(layer => LoadImbalance.PaperForm(layer, variant.Plan.Model.Experts));

    public IReadOnlyList<string> Findings()
    {
        var findings = new List<string>();
        var alarms = Alarms();
        var fits = _variants.Where(variant => variant != Raw && BytesRatio(variant) <= 1).OrderByDescending(variant => _straggler[IndexOf(variant)]).ToArray();
        if (fits.FirstOrDefault() is { } best)
            findings.Add(Best("Best balance within the bytes of the model as it is", best, alarms));
        if (fits.FirstOrDefault(variant => Outside(variant).Length == 0) is { } still && still != fits[0])
            findings.Add(Best("Best of those with every accuracy difference inside its 95 % interval", still, alarms));
        var compared = _comparisons.Where(entry => entry.Variant != Raw).ToArray();
        findings.Add(string.Create(CultureInfo.InvariantCulture,
            $"{compared.Length} accuracies were compared: {compared.Count(entry => !entry.Task.HoldsZero)} differences lie outside their 95 % interval, where chance alone puts up to one in twenty; after Holm's correction {alarms.Count} differ from raw at the 5 % level. ")
            + "An interval that holds 0 does not show that nothing changed: its width says what could hide in it.");
        findings.AddRange(_variants.Select(Summary));
        return findings;
    }

    // What is left at the 5 % level after Holm's correction, by policy.
    private List<string> Alarms() => [.. Tasks.Rows.Where(row => row[13] is < 0.05).Select(row => (string)row[0]!)];

    private TaskComparison[] Outside(MeasuredVariant variant) =>
        [.. _comparisons.Where(entry => entry.Variant == variant && !entry.Task.HoldsZero).Select(entry => entry.Task)];

    private string Best(string what, MeasuredVariant variant, List<string> alarms)
    {
        var outside = Outside(variant);
        return string.Create(CultureInfo.InvariantCulture,
            $"{what}: {variant.Variant.Name}. Busiest slot {_straggler[IndexOf(variant)]:0.00}x lower at {BytesRatio(variant):0.0000}x bytes; of {_comparisons.Count(entry => entry.Variant == variant)} paired accuracy differences {outside.Length} lie outside their 95 % interval")
            + (outside.Length == 0 ? "." : string.Create(CultureInfo.InvariantCulture,
                $" ({string.Join(", ", outside.Select(task => $"{task.Task} {task.Metric}"))}), {alarms.Count(name => name == variant.Variant.Name)} after Holm's correction."));
    }

    private string Summary(MeasuredVariant variant)
    {
        var loss = PerplexityComparison.Of(Raw.Text, variant.Text);
        return string.Create(CultureInfo.InvariantCulture,
            $"{variant.Variant.Name}: {BytesRatio(variant):0.000}x bytes, LIS {Lis(variant.TextTraffic.Slots).Average():0.00} (paper form {PaperLis(variant, variant.TextTraffic.Slots):0.00}), ")
            + string.Create(CultureInfo.InvariantCulture, $"busiest slot {_straggler[IndexOf(variant)]:0.00}x lower, perplexity {variant.Text.Total.Perplexity:0.00} ({(loss.Ratio - 1) * 100:+0.00;-0.00;0.00} %).");
    }

    private int IndexOf(MeasuredVariant variant) => _variants.ToList().IndexOf(variant);

    public IEnumerable<StudyChart> Charts()
    {
        string[] names = [.. _variants.Select(variant => variant.Variant.Name)];
        yield return new StudyChart("lis", new ColumnChart("LIS by policy", "Evaluation text, mean over layers: over slots, and in the paper's form.", "LIS", "policy")
        {
            Categories = names,
            Series =
            [
                new ColumnSeries("LIS", "s0", [.. _variants.Select(variant => Lis(variant.TextTraffic.Slots).Average())]),
                new ColumnSeries("paper form", "s4", [.. _variants.Select(variant => PaperLis(variant, variant.TextTraffic.Slots))]),
            ],
            Print = FigureText.Score,
            Reference = (1, "1: perfect balance"),
        }, Policies);
        yield return new StudyChart("straggler-bytes", new ScatterPlot("Straggler and bytes", "Each point is a policy: expert bytes over raw, and how much lower the busiest slot is.", "expert bytes over raw", "times lower")
        {
            Points = [.. _variants.Select((variant, v) => new ScatterPoint(BytesRatio(variant), _straggler[v], $"s{v % 8}",
                $"{variant.Variant.Name}: {FigureText.Score(_straggler[v])}x lower at {FigureText.Correlation(BytesRatio(variant))}x bytes"))],
            Legend = [.. names.Select((name, v) => new LegendEntry($"s{v % 8}", name))],
        }, Policies);
        yield return new StudyChart("devices", Devices(names), Traffic);
        yield return new StudyChart("loss", new IntervalPlot("Rise of the loss", "Evaluation text, paired over documents, with 95 % intervals.", "nats per token")
        {
            Rows = [.. _variants.Skip(1).Select(variant =>
            {
                var loss = PerplexityComparison.Of(Raw.Text, variant.Text).NatsPerToken;
                return new IntervalRow(variant.Variant.Name, loss.Value, loss.Low, loss.High, $"{variant.Variant.Name}: {FigureText.Measure(loss.Value)} ({FigureText.Measure(loss.Low)} to {FigureText.Measure(loss.High)})", false);
            })],
        }, Policies);
        foreach (var task in _comparisons.Where(entry => entry.Variant != Raw).GroupBy(entry => (entry.Task.Task, entry.Task.Metric)))
            yield return new StudyChart($"task-{task.Key.Task}-{task.Key.Metric}".Replace('_', '-'), new IntervalPlot($"{task.Key.Task}, {task.Key.Metric}", "Difference from raw, paired over samples, with 95 % intervals.", "difference")
            {
                Rows = [.. task.Select(entry => new IntervalRow(entry.Variant.Variant.Name, entry.Task.Paired.Difference.Value, entry.Task.Paired.Difference.Low, entry.Task.Paired.Difference.High,
                    $"{entry.Variant.Variant.Name}: {FigureText.Measure(entry.Task.Paired.Difference.Value)}", true))],
            }, Tasks);
    }

    private LineChart Devices(string[] names)
    {
        var rows = Traffic.Rows.Where(row => (string)row[1]! == Text).ToDictionary(row => (string)row[0]!);
        return new LineChart("Device imbalance, least-loaded split", "Evaluation text: max over mean device load, mean over layers.", "max / mean", "devices")
        {
            Categories = [.. DeviceCounts.Select(count => count.ToString(CultureInfo.InvariantCulture))],
            Series = [.. names.Take(8).Select((name, v) => new LineSeries(name, $"s{v}", [.. Enumerable.Range(0, DeviceCounts.Length).Select(i => rows[name][7 + 2 * i] as double? ?? double.NaN)]))],
            Print = FigureText.Correlation,
        };
    }
}
