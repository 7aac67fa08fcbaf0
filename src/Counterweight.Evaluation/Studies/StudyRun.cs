using System.Diagnostics;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Studies.Output;

namespace Counterweight.Evaluation.Studies;

/// <summary>What became of a study in a run.</summary>
/// <param name="Name">The study.</param>
/// <param name="Title">Its heading.</param>
/// <param name="Findings">What it found; null where the folder had it already.</param>
/// <param name="Seconds">What it took; 0 where the folder had it already.</param>
public sealed record StudyOutcome(string Name, string Title, IReadOnlyList<string>? Findings, double Seconds);

/// <summary>
/// Runs studies one after the other and writes a folder for each as soon as it is done, so that an interrupted run loses one study at
/// most: the same command goes on with those that the folder does not hold.
/// </summary>
public sealed class StudyRun(StudyOptions options, IProgressReporter progress, Action<string> warn)
{
    /// <summary>Runs the studies and writes the report of all that the folder holds.</summary>
    /// <exception cref="InvalidInputException">An option, file or model that cannot be used.</exception>
    public IReadOnlyList<StudyOutcome> Run(CancellationToken cancellation = default)
    {
        options.Validate();
        var studies = StudyCatalog.Find(options.Studies);
        foreach (var study in studies)
            AtomicFolder.CheckWritable(FolderOf(study));
        using var loaded = LoadedModel.Open(options.Model, new LoadOptions { Original = true, Threads = options.Threads }, warn);
        if (!ChartPng.CanWrite)
            warn("no font on this machine: pictures are written as SVG alone");
        studies = [.. studies.Where(study => IsPossible(study, loaded.Model))];
        var settings = Settings(loaded.Model);
        var context = new StudyContext(loaded, options, progress);
        var outcomes = new List<StudyOutcome>();
        foreach (var study in studies)
        {
            var isThere = !options.Again && StudyJson.Holds(Path.Combine(FolderOf(study), StudyJson.FileName), study, settings);
            outcomes.Add(isThere ? new StudyOutcome(study.Name, study.Title, null, 0) : Run(study, context, settings, cancellation));
            StudyReport.Write(options.Out, options.Model);
        }
        return outcomes;
    }

    // Of all studies those that the model allows; one that was asked for by name must be possible.
    private bool IsPossible(IStudy study, MoeModel model)
    {
        if (study.Refuses(model) is not { } why)
            return true;
        if (options.Studies.Count > 0)
            throw new InvalidInputException($"study {study.Name}", why, "another model or other studies");
        warn($"study {study.Name} is left out: {options.Model} is {why}");
        return false;
    }

    private StudyOutcome Run(IStudy study, StudyContext context, JsonObject settings, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        using var work = progress.Begin(study.Title, 0);
        var result = study.Run(context, cancellation);
        var run = new RunRecord($"counterweight study {options.Model} {study.Name} {options.Command}".TrimEnd(), Machine.Describe(context.Model.Context), clock.Elapsed.TotalSeconds);
        cancellation.ThrowIfCancellationRequested();
        StudyFolder.Write(FolderOf(study), study, settings, result, run);
        return new StudyOutcome(study.Name, study.Title, result.Findings, run.Seconds);
    }

    private string FolderOf(IStudy study) => Path.Combine(options.Out, study.Name);

    /// <summary>All that results depend on.</summary>
    private JsonObject Settings(MoeModel model) => new()
    {
        ["version"] = typeof(StudyRun).Assembly.GetName().Version!.ToString(3),
        ["model"] = options.Model,
        ["modelType"] = model.Shape.ModelType,
        ["weightsHash"] = model.Fingerprint.WeightsHash,
        ["seed"] = options.Seed,
        ["quick"] = options.Quick,
        ["calibrationTokens"] = options.CalibrationTokens,
        ["calibrationFiles"] = Files(options.CalibrationFiles),
        ["evaluationTokens"] = options.EvaluationTokens,
        ["evaluationFiles"] = Files(options.EvaluationFiles),
        ["tasks"] = new JsonArray([.. options.Tasks.Select(task => JsonValue.Create(task))]),
        ["limit"] = options.Limit,
    };

    private static JsonArray Files(IReadOnlyList<string> files) =>
        [.. files.Select(file => new JsonObject { ["name"] = TextFiles.NameOf(file), ["sha256"] = TextFiles.Hash(file) })];
}
