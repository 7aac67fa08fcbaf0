using System.Globalization;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Splits;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Reports.Html.Charts;
using Counterweight.Evaluation.Statistics;
using Counterweight.Evaluation.Studies.Policies;

namespace Counterweight.Evaluation.Studies.Splits;

/// <summary>Measured splits as tables, pictures and sentences.</summary>
internal sealed class SplitTables
{
    private const string Even = "even";

    private readonly MeasuredVariant _raw;
    private readonly IReadOnlyList<(string Policy, IReadOnlyList<MeasuredVariant> Splits)> _groups;

    /// <param name="raw">The model as it is.</param>
    /// <param name="groups">The splits of each plan.</param>
    public SplitTables(MeasuredVariant raw, IReadOnlyList<(string Policy, IReadOnlyList<MeasuredVariant> Splits)> groups)
    {
        (_raw, _groups) = (raw, groups);
        foreach (var (policy, splits) in groups)
            foreach (var split in splits)
            {
                AddSplit(policy, split, EvenOf(splits));
                AddTasks(policy, split, EvenOf(splits));
            }
    }

    public StudyTable Splits { get; } = new("splits", "Balance and loss by split",
        "A row is a split of one plan, on evaluation text. LIS and paper form of all slot loads, mean over layers; straggler: busiest slot of the model as it is over busiest slot; deviceImbalance: max / mean of what the devices of the plan got in a pass, mean over passes and layers. "
        + "lossRise against the model as it is and againstEven, in nats per token, paired over documents, with 95 % intervals. sameTokens: share of greedy tokens before the first one that differs from the model as it is.",
        "policy", "split", "expertBytes", "bytesRatio", "devices", "lis", "lisPaper", "straggler", "deviceImbalance", "perplexity", "lossRise", "low", "high", "againstEven", "againstEvenLow", "againstEvenHigh", "sameTokens");

    public StudyTable Tasks { get; } = new("tasks", "Accuracy by split, paired",
        "Each metric of each task or group, with its paired differences from the model as it is and from the even split of the same plan (95 % intervals, Student's t; exact McNemar test for metrics of 0 and 1).",
        "policy", "split", "task", "metric", "against", "samples", "value", "stderr", "difference", "low", "high", "lost", "gained", "mcnemar");

    public IReadOnlyList<string> Findings() => [.. _groups.SelectMany(group => group.Splits.Select(split => Finding(group.Policy, split, EvenOf(group.Splits))))];

    public IEnumerable<StudyChart> Charts()
    {
        string[] policies = [.. _groups.Select(group => group.Policy)];
        yield return new StudyChart("device-imbalance", new ColumnChart("Device imbalance by split", "Evaluation text: max / mean of what devices got in a pass, mean over passes and layers.", "max / mean", "policy")
        {
            Categories = policies,
            Series = [.. SplitPolicies.Names.Select((split, i) => new ColumnSeries(split, $"s{i}", [.. _groups.Select(group => DeviceImbalance(Of(group.Splits, split)))]))],
            Print = FigureText.Score,
            Reference = (1, "1: perfect balance"),
        }, Splits);
        yield return new StudyChart("loss", new IntervalPlot("Rise of the loss by split", "Evaluation text, against the model as it is, paired over documents, with 95 % intervals.", "nats per token")
        {
            Rows = [.. _groups.SelectMany(group => group.Splits.Select(split =>
            {
                var loss = PerplexityComparison.Of(_raw.Text, split.Text).NatsPerToken;
                var name = $"{group.Policy}, {split.Variant.Split}";
                return new IntervalRow(name, loss.Value, loss.Low, loss.High, $"{name}: {FigureText.Measure(loss.Value)} ({FigureText.Measure(loss.Low)} to {FigureText.Measure(loss.High)})", false);
            }))],
        }, Splits);
    }

    private static MeasuredVariant EvenOf(IReadOnlyList<MeasuredVariant> splits) => Of(splits, Even);

    private static MeasuredVariant Of(IReadOnlyList<MeasuredVariant> splits, string name) => splits.Single(split => split.Variant.Split == name);

    private void AddSplit(string policy, MeasuredVariant split, MeasuredVariant even)
    {
        var slots = split.TextTraffic.Slots;
        var (rise, against) = (PerplexityComparison.Of(_raw.Text, split.Text).NatsPerToken, PerplexityComparison.Of(even.Text, split.Text).NatsPerToken);
        Splits.Add(policy, split.Variant.Split, split.ExpertBytes, (double)split.ExpertBytes / _raw.ExpertBytes, split.Plan.Devices,
            slots.Average(layer => LoadImbalance.MaxOverMean<long>(layer)), slots.Average(layer => LoadImbalance.PaperForm(layer, split.Plan.Model.Experts)),
            split.TextTraffic.StragglerRatio(_raw.TextTraffic), DeviceImbalance(split), split.Text.Total.Perplexity,
            rise.Value, rise.Low, rise.High, against.Value, against.Low, against.High, split.Generation.SameTokens(_raw.Generation));
    }

    private void AddTasks(string policy, MeasuredVariant split, MeasuredVariant even)
    {
        foreach (var (name, before) in new[] { ("original", _raw), (Even, even) })
            if (split != before)
                foreach (var task in split.Tasks.Zip(before.Tasks).SelectMany(pair => TaskComparison.Of(pair.First.Name, pair.Second.Results, pair.First.Results)))
                    Tasks.Add(policy, split.Variant.Split, task.Task, task.Metric, name, task.Paired.Samples, task.Paired.After, task.StandardError,
                        task.Paired.Difference.Value, task.Paired.Difference.Low, task.Paired.Difference.High, task.McNemar?.Lost, task.McNemar?.Gained, task.McNemar?.PValue);
    }

    private string Finding(string policy, MeasuredVariant split, MeasuredVariant even)
    {
        var rise = PerplexityComparison.Of(_raw.Text, split.Text).NatsPerToken;
        var text = string.Create(CultureInfo.InvariantCulture,
            $"{policy}, {split.Variant.Split}: device imbalance {DeviceImbalance(split):0.000}, loss {rise.Value:+0.00000;-0.00000;0.00000} nats per token against the model as it is (95 % {rise.Low:+0.00000;-0.00000;0.00000} to {rise.High:+0.00000;-0.00000;0.00000})");
        if (split == even)
            return text + ".";
        var against = PerplexityComparison.Of(even.Text, split.Text).NatsPerToken;
        return text + string.Create(CultureInfo.InvariantCulture, $", {against.Value:+0.00000;-0.00000;0.00000} against even ({against.Low:+0.00000;-0.00000;0.00000} to {against.High:+0.00000;-0.00000;0.00000}).");
    }

    private static double DeviceImbalance(MeasuredVariant split) => split.TextTraffic.Passes.Average(pass => Enumerable.Range(0, split.Plan.Layers.Count).Average(l =>
    {
        var loads = new long[split.Plan.Devices];
        for (var s = 0; s < split.Plan.Layers[l].Slots.Count; s++)
            loads[split.Plan.Layers[l].Slots[s].Device] += pass.Slots(l)[s];
        return LoadImbalance.MaxOverMean<long>(loads);
    }));
}
