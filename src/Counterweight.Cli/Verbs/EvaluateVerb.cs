using System.CommandLine;
using Counterweight.Cli.Output;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Cli.Verbs;

/// <summary><c>evaluate</c>: perplexity and tasks of a model, under a plan if one is given.</summary>
internal static class EvaluateVerb
{
    private static readonly Argument<string> Model = CommonOptions.Model();
    private static readonly Argument<string?> Plan = new("PLAN") { Description = "Plan to load the experts by; default: the folder's own plan.json, else the checkpoint as it is", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string[]> Text = CommonOptions.Texts("--text", "Text files to measure perplexity on; default where --tasks is not given either: texts/evaluation");
    private static readonly Option<int?> TextTokens = CommonOptions.Ranged(new Option<int?>("--eval-tokens") { Description = "Most tokens of each text file; default: all" }, 1, int.MaxValue);
    private static readonly Option<string[]> Tasks = CommonOptions.Texts("--tasks", "Tasks to evaluate; default where --text is not given either: minimal_pairs");
    private static readonly Option<string?> Benchmarks = CommonOptions.TaskData();
    private static readonly Option<int?> Limit = CommonOptions.Ranged(new Option<int?>("--limit") { Description = "Only the first samples of each task" }, 1, int.MaxValue);
    private static readonly Option<int?> FewShot = CommonOptions.Ranged(new Option<int?>("--num-fewshot", "--few-shot") { Description = "Examples in front of each sample; default: each task's own number, for most of them 0" }, 0, 1000);
    private static readonly Option<uint> Seed = new("--seed") { Description = "Seed that examples are drawn with", DefaultValueFactory = _ => EvaluationOptions.DefaultSeed };
    private static readonly Option<string?> Out = new("--out", "-o") { Description = "Folder for every sample of the tasks and the results as JSON and CSV; a run that was interrupted goes on from there" };
    private static readonly Option<string> Split = CommonOptions.Split();
    private static readonly Option<int?> Threads = CommonOptions.Threads();
    private static readonly Option<string?> Kernels = CommonOptions.Kernels();
    private static readonly Option<ComputeMode> Compute = CommonOptions.Compute(ComputeMode.Fast);
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        var command = new Command("evaluate", "Measures perplexity on text and accuracy on tasks, with standard errors")
        {
            Model, Plan, Text, TextTokens, Tasks, Benchmarks, Limit, FewShot, Seed, Out, Split, Threads, Kernels, Compute, Json,
        };
        command.Does((parsed, terminal, cancellation) =>
        {
            CommonOptions.CheckJson(parsed, Json);
            var evaluation = Evaluation(parsed);
            evaluation.Validate();
            var load = CommonOptions.Load(parsed, null, Threads, Kernels, Compute, Split) with { PlanFile = parsed.GetValue(Plan) };
            using var loaded = LoadedModel.Open(parsed.GetValue(Model)!, load, terminal.Warn);
            var (texts, tasks, speed) = terminal.WithProgress(progress => evaluation.Run(loaded, progress, cancellation));
            var figures = EvaluateFigures.Of(parsed.GetValue(Model)!, parsed.GetValue(Plan), evaluation, texts, tasks) with { Speed = speed };
            FigureJson.Write(parsed.GetValue(Json), figures, FigureJsonContext.Default.EvaluateFigures);
            Render(terminal, figures, tasks);
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static ModelEvaluation Evaluation(ParseResult parsed)
    {
        var (texts, tasks) = (CommonOptions.Given(parsed, Text), CommonOptions.Given(parsed, Tasks));
        if (texts is null && tasks is null)
            (texts, tasks) = (ProjectFiles.Texts("texts/evaluation"), ["minimal_pairs"]);
        var plan = parsed.GetValue(Plan);
        return new ModelEvaluation
        {
            Texts = texts ?? [],
            TextTokens = parsed.GetValue(TextTokens),
            Tasks = CommonOptions.Names(tasks ?? []),
            Data = new TaskData(parsed.GetValue(Benchmarks) ?? ProjectFiles.TaskDataIfThere, ProjectFiles.EvaluationTextsIfThere),
            Options = new EvaluationOptions
            {
                Model = plan is null ? parsed.GetValue(Model)! : $"{parsed.GetValue(Model)} under {plan}, split {parsed.GetValue(Split)}",
                FewShot = parsed.GetValue(FewShot),
                Seed = parsed.GetValue(Seed),
                Limit = parsed.GetValue(Limit),
                Folder = parsed.GetValue(Out),
            },
        };
    }

    private static void Render(Terminal terminal, EvaluateFigures figures, EvaluationResults? results)
    {
        if (figures.Perplexity is { } perplexity)
            FigureTable.Render(terminal.Out, ["text", "tokens", "perplexity"],
            [
                .. figures.PerplexityByFile!.Select(file => (string[])[file.Key, FigureText.Count(file.Value.Tokens), FigureText.Measure(file.Value.Perplexity)]),
                ["all", FigureText.Count(figures.PerplexityByFile!.Values.Sum(file => file.Tokens)), FigureText.Measure(perplexity)],
            ]);
        if (results is not null)
            TaskTable.Render(terminal.Out, results);
        if (figures.Speed is { } speed)
            FigureTable.RenderFigures(terminal.Out,
            [
                ("evaluated tokens", FigureText.Count(speed.EvaluatedTokens)),
                ("computed tokens", FigureText.Count(speed.ComputedTokens)),
                ("seconds", FigureText.Measure(speed.Seconds)),
                ("evaluated tokens/s", FigureText.Count(speed.TokensPerSecond)),
            ]);
    }
}

/// <summary>The JSON document of <c>evaluate</c>: perplexity and accuracy as in the balance report, and every metric of every task.</summary>
internal sealed record EvaluateFigures(
    string Model, string? Plan, double? Perplexity, IReadOnlyDictionary<string, FileFigures>? PerplexityByFile,
    IReadOnlyDictionary<string, TaskAccuracy>? Accuracy, IReadOnlyDictionary<string, TaskMetrics>? Metrics)
{
    /// <summary>Timings: the only figures that differ from run to run.</summary>
    public EvaluationSpeed? Speed { get; init; }

    public static EvaluateFigures Of(string model, string? plan, ModelEvaluation evaluation, PerplexityResult? texts, EvaluationResults? tasks) => new(
        model, plan, texts?.Total.Perplexity,
        texts?.Files.ToDictionary(
            file => Path.GetFileNameWithoutExtension(file.File),
            file => new FileFigures(file.Total.Tokens, file.Total.Bytes, file.Total.Perplexity, file.Total.BytePerplexity)),
        tasks is null ? null : evaluation.Accuracy(tasks),
        tasks is null ? null : MetricsOf(tasks));

    private static Dictionary<string, TaskMetrics> MetricsOf(EvaluationResults results)
    {
        var metrics = results.Groups.ToDictionary(group => group.Name, group => TaskMetrics.Of(group.Samples, null, group.Metrics));
        foreach (var task in results.Tasks)
            metrics.Add(task.Name, TaskMetrics.Of(task.Samples, task.FewShot, task.Metrics));
        return metrics;
    }
}

/// <summary>Perplexity of one text file.</summary>
internal sealed record FileFigures(long Tokens, long Bytes, double Perplexity, double BytePerplexity);

/// <summary>The metrics of a task or group.</summary>
internal sealed record TaskMetrics(int N, int? FewShot, IReadOnlyDictionary<string, MetricFigure> Values)
{
    public static TaskMetrics Of(int samples, int? fewShot, IReadOnlyList<MetricValue> metrics) =>
        new(samples, fewShot, metrics.ToDictionary(metric => metric.Name, metric => new MetricFigure(metric.Value, metric.StandardError)));
}

/// <summary>A metric and its standard error, if it has one.</summary>
internal sealed record MetricFigure(double Value, double? Stderr);
