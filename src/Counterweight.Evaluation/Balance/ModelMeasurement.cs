using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Balance;

/// <summary>What a model did on the evaluation text and tasks, as loaded.</summary>
/// <param name="Figures">The figures for the report.</param>
/// <param name="Perplexity">The documents behind the perplexities.</param>
/// <param name="Tasks">The samples behind the accuracies; null where there are no tasks.</param>
/// <param name="Loads">Tokens of the logical experts over all text.</param>
/// <param name="SlotLoads">Tokens of the slots over all text, [MoE layers][slots].</param>
/// <param name="BytesByPrecision">Expert bytes held, by precision.</param>
internal sealed record MeasuredModel(
    ModelFigures Figures,
    PerplexityResult Perplexity,
    EvaluationResults? Tasks,
    ExpertLoads Loads,
    long[][] SlotLoads,
    IReadOnlyDictionary<Precision, long> BytesByPrecision);

/// <summary>Measures a model as it is loaded: the same steps before and after balancing.</summary>
internal sealed class ModelMeasurement(LoadedModel loaded, BalanceOptions options, IReadOnlyList<LoadTrace> calibration, IProgressReporter progress)
{
    private readonly MoeModel _model = loaded.Model;

    /// <summary>Measures everything.</summary>
    /// <param name="plan">The plan that the experts are loaded by; null: as the checkpoint has them.</param>
    /// <param name="when">For progress: <c>before</c> or <c>after</c>.</param>
    /// <param name="cancellation">Ends the work between batches.</param>
    public MeasuredModel Run(Plan? plan, string when, CancellationToken cancellation)
    {
        _model.ResetSplits();
        var tokenizer = RequestTokenizer.Of(loaded);
        var (files, traffic) = (new List<Scoring.FilePerplexity>(), new List<(string Name, MeasuredTraffic Traffic)>());
        using (var work = progress.Begin($"Evaluating {when}: text", 0))
            foreach (var file in options.EvaluationFiles)
            {
                using var meter = new TrafficMeter(_model);
                using var scorer = new ModelScorer(_model) { PassDone = meter.PassDone };
                files.AddRange(new TextPerplexity(scorer, tokenizer).Measure([file], options.EvaluationTokens, count => work.Advance(count), cancellation).Files);
                traffic.Add((TextFiles.NameOf(file), meter.Traffic));
            }
        var tasks = RunTasks(tokenizer, when, cancellation);
        var bytes = _model.Banks.SelectMany(bank => Enumerable.Range(0, bank.Slots.Slots.Count).Select(s => bank[s]))
            .GroupBy(expert => expert.Precision).OrderBy(group => group.Key).ToDictionary(group => group.Key, group => group.Sum(expert => expert.Bytes));
        var all = new MeasuredTraffic([.. traffic.SelectMany(file => file.Traffic.Passes)]);
        var perplexity = new PerplexityResult(files);
        return new MeasuredModel(Figures(plan, perplexity, tasks, traffic, all), perplexity, tasks, ExpertLoads.Sum(all.Windows), all.Slots, bytes);
    }

    private EvaluationResults? RunTasks(RequestTokenizer tokenizer, string when, CancellationToken cancellation)
    {
        if (options.Tasks.Count == 0)
            return null;
        using var scorer = new ModelScorer(_model) { SharesPrefixes = true };
        using var work = new SampleProgress(progress, $"Evaluating {when}: tasks");
        var entries = options.Tasks.Select(name => TaskRegistry.Find(name, options.TaskData)).ToArray();
        return new Evaluator(scorer, tokenizer, new ModelGenerator(loaded)).Run(
            entries, options.TaskData, new EvaluationOptions { Model = options.Model, Limit = options.TaskLimit }, work.Report, cancellation);
    }

    private ModelFigures Figures(
        Plan? plan, PerplexityResult perplexity, EvaluationResults? tasks, List<(string Name, MeasuredTraffic Traffic)> traffic, MeasuredTraffic all)
    {
        var placements = Traffic.Placements(plan?.Layers ?? _model.OriginalLayers(), plan, calibration);
        var experts = _model.Shape.Experts;
        _model.ResetSplits();
        return new ModelFigures
        {
            Lis = LayerScores.Over([.. all.Slots.Select(loads => LoadImbalance.MaxOverMean((ReadOnlySpan<long>)loads))]),
            LisPaper = LayerScores.Over([.. all.Slots.Select(loads => LoadImbalance.PaperForm(loads, experts))]),
            DeviceImbalance = Traffic.DeviceImbalance(placements, all.Windows),
            DeviceImbalanceByFile = traffic.ToDictionary(file => file.Name, file => Traffic.DeviceImbalance(placements, file.Traffic.Windows)),
            LisByBatchSize = new BatchImbalance(_model).Measure(EvaluationTokens(), options.Seed),
            ExpertBytes = _model.ExpertBytes,
            TotalBytes = _model.ExpertBytes + _model.DenseBytes,
            Perplexity = perplexity.Total.Perplexity,
            PerplexityByFile = perplexity.Files.ToDictionary(
                file => TextFiles.NameOf(file.File), file => new Reports.FilePerplexity(file.Total.Tokens, file.Total.Perplexity)),
            Accuracy = TaskFigures.Accuracy(options.Tasks, tasks),
        };
    }

    private IReadOnlyList<TokenText> EvaluationTokens() =>
        CalibrationText.Read(options.EvaluationFiles, loaded.Tokenizer, PrefixToken.Of(loaded).Id, _model.Shape.MaxPositions);
}
