using System.CommandLine;
using System.Text.Json.Serialization;
using Counterweight.Cli.Output;
using Counterweight.Evaluation.Studies;

namespace Counterweight.Cli.Verbs;

/// <summary><c>study</c>: the findings of the paper, and what it lacks, measured on a model.</summary>
internal static class StudyVerb
{
    private static readonly Argument<string> Model = CommonOptions.Model();
    private static readonly Argument<string[]> Names = new("STUDY") { Description = $"Studies: {string.Join(", ", StudyCatalog.Names)}; default: all", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string[]> Text = CommonOptions.Texts("--text", "Calibration text files, one for each domain; default: texts/calibration");
    private static readonly Option<string[]> EvalText = CommonOptions.Texts("--eval-text", "Text files to measure on, which calibration never sees; default: texts/evaluation");
    private static readonly Option<string[]> Tasks = CommonOptions.Texts("--tasks", "Tasks to measure accuracy on; default: minimal_pairs, which comes with the project");
    private static readonly Option<string?> Benchmarks = CommonOptions.TaskData();
    private static readonly Option<int?> Limit = CommonOptions.Ranged(new Option<int?>("--limit") { Description = "Only the first samples of each task; default: all, with --quick 200" }, 1, int.MaxValue);
    private static readonly Option<bool> Quick = new("--quick") { Description = "Less text and fewer draws: minutes, with wider intervals" };
    private static readonly Option<bool> Again = new("--again") { Description = "Runs studies again that the folder has already; without it an interrupted run goes on where it ended" };
    private static readonly Option<ulong> Seed = CommonOptions.Seed();
    private static readonly Option<int?> Threads = CommonOptions.Threads();
    private static readonly Option<string> Out = new("--out") { Description = "Folder to write: report.html, and for each study results.json, CSV, SVG and PNG", DefaultValueFactory = _ => "out/studies" };
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        var command = new Command("study", "Reproduces the paper's findings and tables on a model, with what it lacks: error bars, chance, bytes, devices, speed")
        {
            Model, Names, Text, EvalText, Tasks, Benchmarks, Limit, Quick, Again, Seed, Threads, Out, Json,
        };
        Names.AcceptOnlyFromAmong([.. StudyCatalog.Names]);
        command.Does((parsed, terminal, cancellation) =>
        {
            CommonOptions.CheckJson(parsed, Json);
            var options = Options(parsed);
            var outcomes = terminal.WithProgress(progress => new StudyRun(options, progress, terminal.Warn).Run(cancellation));
            FigureJson.Write(parsed.GetValue(Json), outcomes, StudyJsonContext.Default.IReadOnlyListStudyOutcome);
            foreach (var outcome in outcomes)
            {
                terminal.Text.WriteLine(outcome.Findings is null ? $"{outcome.Title}: there already, from an earlier run of the same settings" : outcome.Title);
                foreach (var finding in outcome.Findings ?? [])
                    terminal.Text.WriteLine($"  {finding}");
            }
            terminal.Text.WriteLine($"Written to {options.Out}: report.html, and a folder for each study");
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static StudyOptions Options(ParseResult parsed) => new()
    {
        Model = parsed.GetValue(Model)!,
        Studies = parsed.GetValue(Names) ?? [],
        CalibrationFiles = CommonOptions.Given(parsed, Text) ?? ProjectFiles.Texts("texts/calibration"),
        EvaluationFiles = CommonOptions.Given(parsed, EvalText) ?? ProjectFiles.Texts("texts/evaluation"),
        Tasks = CommonOptions.Names(CommonOptions.Given(parsed, Tasks) ?? ["minimal_pairs"]),
        BenchmarkFolder = parsed.GetValue(Benchmarks) ?? ProjectFiles.TaskDataIfThere,
        TaskTextFolder = ProjectFiles.EvaluationTextsIfThere,
        TaskLimit = parsed.GetValue(Limit),
        Quick = parsed.GetValue(Quick),
        Again = parsed.GetValue(Again),
        Seed = parsed.GetValue(Seed),
        Threads = parsed.GetValue(Threads),
        Out = parsed.GetValue(Out)!,
        Command = string.Join(' ', parsed.Tokens.Skip(1).Select(token => token.Value).Where(token => token != parsed.GetValue(Model) && !StudyCatalog.Names.Contains(token))),
    };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true,
    NewLine = "\n")]
[JsonSerializable(typeof(IReadOnlyList<StudyOutcome>))]
internal sealed partial class StudyJsonContext : JsonSerializerContext;
