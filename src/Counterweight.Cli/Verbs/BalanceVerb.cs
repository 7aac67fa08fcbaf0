using System.CommandLine;
using Counterweight.Balancing;
using Counterweight.Balancing.Policies;
using Counterweight.Cli.Output;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Cli.Verbs;

/// <summary><c>balance</c>: calibrate, plan, apply, evaluate before and after, report.</summary>
internal static class BalanceVerb
{
    private static readonly Argument<string?> Model = new("MODEL") { Description = "Folder of the model, or a GGUF file; default: models/pocket-moe", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string[]> Text = CommonOptions.Texts("--text", "Calibration text files, one for each kind of traffic; default: texts/calibration");
    private static readonly Option<int?> Self = CommonOptions.Ranged(new Option<int?>("--self") { Description = "Calibrate on so many tokens that the model writes itself, in place of files" }, 1024, int.MaxValue);
    private static readonly Option<int> CalibrationTokens = new("--calibration-tokens") { Description = "Most tokens of calibration text", DefaultValueFactory = _ => 65536 };
    private static readonly Option<string[]> EvalText = CommonOptions.Texts("--eval-text", "Text files to measure on, which calibration never sees; default: texts/evaluation");
    private static readonly Option<int?> EvalTokens = CommonOptions.Ranged(new Option<int?>("--eval-tokens") { Description = "Most tokens of each evaluation file; default: all" }, 1, int.MaxValue);
    private static readonly Option<string[]> Tasks = CommonOptions.Texts("--tasks", "Tasks to measure accuracy on; default: minimal_pairs, which comes with the project");
    private static readonly Option<string?> Benchmarks = CommonOptions.TaskData();
    private static readonly Option<int?> Limit = CommonOptions.Ranged(new Option<int?>("--limit") { Description = "Only the first samples of each task" }, 1, int.MaxValue);
    private static readonly Option<string> Policy = new("--policy") { Description = $"Plan policy: {string.Join(", ", PlanPolicies.Names)}", DefaultValueFactory = _ => "budget" };
    private static readonly Option<string[]> PolicyOption = CommonOptions.Texts("--policy-option", "Options of the policy, name=value");
    private static readonly Option<double> Budget = new("--budget") { Description = "Limit on expert bytes as a ratio to the original, 0.1 to 16", DefaultValueFactory = _ => 1.0 };
    private static readonly Option<double?> MaxLoss = new("--max-loss") { Description = "Limit on the predicted rise of the loss, nats per token; default 0.001" };
    private static readonly Option<int?> Devices = CommonOptions.Ranged(new Option<int?>("--devices") { Description = "Devices that slots are placed on; default 8" }, 1, 1024);
    private static readonly Option<Balancing.Plans.Precision[]?> Precisions = CommonOptions.Precisions();
    private static readonly Option<string> Split = CommonOptions.Split();
    private static readonly Option<ulong> Seed = CommonOptions.Seed();
    private static readonly Option<int?> Threads = CommonOptions.Threads();
    private static readonly Option<string> Out = new("--out") { Description = "Folder to write: balanced checkpoint, plan.json, loads.json, report.json, report.html", DefaultValueFactory = _ => "out/balanced" };
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        Policy.AcceptOnlyFromAmong([.. PlanPolicies.Names]);
        var command = new Command("balance", "The main job: calibrates, plans, applies, measures before and after on text that calibration never saw, and writes the balanced model with a report")
        {
            Model, Text, Self, CalibrationTokens, EvalText, EvalTokens, Tasks, Benchmarks, Limit, Policy, PolicyOption, Budget, MaxLoss, Devices, Precisions, Split, Seed, Threads, Out, Json,
        };
        command.Does((parsed, terminal, cancellation) =>
        {
            CommonOptions.CheckJson(parsed, Json);
            var options = Options(parsed);
            var report = terminal.WithProgress(progress => new BalanceRun(options, progress, terminal.Warn).Run(cancellation));
            if (parsed.GetValue(Json) is { } file)
                AtomicFile.Write(file, stream => BalanceReportJson.Write(report, stream));
            BalanceTable.Render(terminal.Out, report);
            terminal.Text.WriteLine($"Written to {options.Out}: balanced checkpoint, plan.json, loads.json, report.json, report.html");
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static BalanceOptions Options(ParseResult parsed) => new()
    {
        Model = parsed.GetValue(Model) ?? ProjectFiles.Model,
        CalibrationFiles = parsed.GetValue(Self) is not null ? [] : CommonOptions.Given(parsed, Text) ?? ProjectFiles.Texts("texts/calibration"),
        SelfTokens = parsed.GetValue(Self) ?? 0,
        CalibrationTokens = parsed.GetValue(CalibrationTokens),
        EvaluationFiles = CommonOptions.Given(parsed, EvalText) ?? ProjectFiles.Texts("texts/evaluation"),
        EvaluationTokens = parsed.GetValue(EvalTokens),
        Tasks = CommonOptions.Names(CommonOptions.Given(parsed, Tasks) ?? ["minimal_pairs"]),
        BenchmarkFolder = parsed.GetValue(Benchmarks) ?? ProjectFiles.TaskDataIfThere,
        TaskTextFolder = ProjectFiles.EvaluationTextsIfThere,
        TaskLimit = parsed.GetValue(Limit),
        Policy = parsed.GetValue(Policy)!,
        PolicyOptions = CommonOptions.Pairs("--policy-option", CommonOptions.Given(parsed, PolicyOption) ?? []),
        Budget = parsed.GetValue(Budget),
        MaxLoss = parsed.GetValue(MaxLoss),
        Devices = parsed.GetValue(Devices) ?? 8,
        Precisions = parsed.GetValue(Precisions) is { Length: > 0 } precisions ? precisions : null,
        Split = parsed.GetValue(Split)!,
        Seed = parsed.GetValue(Seed),
        Threads = parsed.GetValue(Threads),
        Out = parsed.GetValue(Out)!,
        Command = "balance " + string.Join(' ', parsed.Tokens.Skip(1).Select(token => token.Value)),
    };
}
