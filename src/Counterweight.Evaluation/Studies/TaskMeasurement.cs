using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Studies;

/// <summary>What a model, as it is loaded, did on a task or group.</summary>
/// <param name="Name">The task or group.</param>
/// <param name="Results">Its samples and metrics.</param>
/// <param name="Traffic">Loads of the tokens that were run: what requests begin with alike runs once.</param>
internal sealed record MeasuredTask(string Name, EvaluationResults Results, MeasuredTraffic Traffic);

/// <summary>Evaluates the run's tasks, the same way for every study.</summary>
internal sealed class TaskMeasurement(StudyContext context)
{
    /// <summary>All tasks of the run.</summary>
    /// <param name="what">For progress: what the model is at present.</param>
    /// <param name="cancellation">Ends the work between batches.</param>
    public MeasuredTask[] Measure(string what, CancellationToken cancellation) => [.. context.Options.Tasks.Select(name => Measure(name, what, cancellation))];

    private MeasuredTask Measure(string name, string what, CancellationToken cancellation)
    {
        var options = context.Options;
        using var work = new SampleProgress(context.Progress, $"{what}: {name}");
        using var meter = new TrafficMeter(context.Model);
        using var scorer = new ModelScorer(context.Model) { SharesPrefixes = true, PassDone = meter.PassDone };
        var generator = new ModelGenerator(context.Loaded) { PassDone = meter.PassDone };
        var results = new Evaluator(scorer, RequestTokenizer.Of(context.Loaded), generator).Run(
            [TaskRegistry.Find(name, options.TaskData)], options.TaskData, new EvaluationOptions { Model = options.Model, Limit = options.Limit }, work.Report, cancellation);
        return new MeasuredTask(name, results, meter.Traffic);
    }
}
