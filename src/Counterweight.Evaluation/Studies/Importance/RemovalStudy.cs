using Counterweight.Balancing.Loads;
using Counterweight.Engine.Calibration;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Statistics;

namespace Counterweight.Evaluation.Studies.Importance;

/// <summary>One way of choosing the expert that each layer loses.</summary>
internal sealed record RemovalPick(string Name, int[] Experts);

/// <summary>
/// Takes away the expert that an estimator calls least important, a random one, the heavy hitter or the least loaded one, in one layer and
/// in all layers at once, and measures loss and accuracy on text that no pick was made from.
/// </summary>
internal sealed class RemovalStudy(StudyContext context)
{
    public const string AllLayers = "all";
    private const int RandomPicks = 3;

    /// <summary>Rows of (pick, layer or all, experts, rise of the loss, accuracies).</summary>
    public StudyTable Measure(IReadOnlyList<Estimator> estimators, ExpertLoads loads, CancellationToken cancellation)
    {
        var table = new StudyTable("removal", "Removing one expert: loss and accuracy",
            "The pick is the expert that an estimator calls least important, one drawn at random, the least loaded one or the heavy hitter. An expert is removed by taking its output for zero; the router, and the weights of the other experts, stay. Loss in nats per token on evaluation text, paired over sequences; accuracy paired over samples, exact McNemar test; of single layers only without --quick.",
            "pick", "layer", "expert", "lossBefore", "lossRise", "low", "high", "pValue", "task", "metric", "before", "after", "difference", "differenceLow", "differenceHigh", "mcnemar");
        var shape = context.Model.Shape;
        var picks = Picks(estimators, loads);
        var tasks = new TaskMeasurement(context);
        using var scorer = new ModelScorer(context.Model);
        var whole = new TextLoss(shape, context.EvaluationTexts);
        var sampled = new TextLoss(shape, CalibrationText.Sample(context.EvaluationTexts, context.Quick ? 2048 : 8192, context.Options.Seed));
        var (wholeBefore, sampledBefore) = (whole.Measure(scorer, cancellation), sampled.Measure(scorer, cancellation));
        var before = tasks.Measure("whole model", cancellation);
        using var work = context.Progress.Begin("Removing picks", picks.Count * (shape.MoeLayers.Count + 1));
        foreach (var pick in picks)
        {
            TextLoss.Without(context.Model, pick.Experts, () =>
            {
                var loss = PerplexityComparison.Of(wholeBefore, whole.Measure(scorer, cancellation));
                foreach (var task in Compare(before, tasks.Measure(pick.Name, cancellation)))
                    Add(table, pick, AllLayers, string.Join(' ', pick.Experts), loss, task);
                return 0;
            });
            work.Advance(1);
            for (var layer = 0; layer < shape.MoeLayers.Count; layer++, work.Advance(1))
            {
                int[] one = [.. pick.Experts.Select((expert, l) => l == layer ? expert : -1)];
                var (loss, compared) = TextLoss.Without(context.Model, one, () => (PerplexityComparison.Of(sampledBefore, sampled.Measure(scorer, cancellation)),
                    context.Quick ? [null] : Compare(before, tasks.Measure($"{pick.Name}, layer {shape.MoeLayers[layer]}", cancellation)).ToArray<TaskComparison?>()));
                foreach (var task in compared)
                    Add(table, pick, $"{shape.MoeLayers[layer]}", $"{pick.Experts[layer]}", loss, task);
            }
        }
        return table;
    }

    private static IEnumerable<TaskComparison> Compare(MeasuredTask[] before, MeasuredTask[] after) =>
        before.Zip(after).SelectMany(pair => TaskComparison.Of(pair.First.Name, pair.First.Results, pair.Second.Results));

    private static void Add(StudyTable table, RemovalPick pick, string layer, string experts, PerplexityComparison loss, TaskComparison? task) =>
        table.Add(pick.Name, layer, experts, Math.Log(loss.Before), loss.NatsPerToken.Value, loss.NatsPerToken.Low, loss.NatsPerToken.High, loss.NatsPerToken.PValue,
            task?.Task, task?.Metric, task?.Paired.Before, task?.Paired.After, task?.Paired.Difference.Value, task?.Paired.Difference.Low, task?.Paired.Difference.High, task?.McNemar?.PValue);

    private IReadOnlyList<RemovalPick> Picks(IReadOnlyList<Estimator> estimators, ExpertLoads loads)
    {
        var layers = Enumerable.Range(0, loads.Layers).ToArray();
        var random = context.RandomFor("removal picks");
        return
        [
            .. estimators.Select(estimator => new RemovalPick(estimator.Name, Array.ConvertAll(layers, estimator.Least))),
            .. Enumerable.Range(1, RandomPicks).Select(i => new RemovalPick($"random {i}", Array.ConvertAll(layers, _ => random.Next(loads.Experts)))),
            new RemovalPick("least loaded", Array.ConvertAll(layers, layer => loads[layer].IndexOf(loads[layer].ToArray().Min()))),
            new RemovalPick("heavy hitter", Array.ConvertAll(layers, layer => Agreement.HeavyHitter(loads, layer))),
        ];
    }
}
