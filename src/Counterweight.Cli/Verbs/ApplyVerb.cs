using System.CommandLine;
using Counterweight.Balancing;
using Counterweight.Cli.Output;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Cli.Verbs;

/// <summary><c>apply</c>: writes a model under a plan.</summary>
internal static class ApplyVerb
{
    private const string Balanced = "balanced";
    private const string HuggingFace = "huggingface";

    private static readonly Argument<string> Model = CommonOptions.Model();
    private static readonly Argument<string> Plan = new("PLAN") { Description = "Plan file" };
    private static readonly Option<string> Out = new("--out", "-o") { Description = "Folder to write", Required = true };
    private static readonly Option<string> Format = new("--format")
    {
        Description = "balanced: codes and plan, for this engine; huggingface: each expert widened to fp32 from its lowest precision under the original names, for any engine",
        DefaultValueFactory = _ => Balanced,
    };
    private static readonly Option<int?> Threads = CommonOptions.Threads();
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        Format.AcceptOnlyFromAmong(Balanced, HuggingFace);
        var text = new CalibrationOptionSet();
        var command = new Command("apply", "Puts a plan on a model: quantizes its experts, with errors compensated on calibration text, and writes the checkpoint") { Model, Plan, Out, Format };
        text.AddTo(command);
        command.Add(Threads);
        command.Add(Json);
        command.Does((parsed, terminal, cancellation) =>
        {
            var (model, plan, folder) = (parsed.GetValue(Model)!, parsed.GetValue(Plan)!, parsed.GetValue(Out)!);
            AtomicFolder.CheckWritable(folder);
            CommonOptions.CheckJson(parsed, Json);
            var format = parsed.GetValue(Format) == HuggingFace ? CheckpointFormat.HuggingFace : CheckpointFormat.Balanced;
            using var loaded = LoadedModel.Open(model, new LoadOptions { Original = true, Threads = parsed.GetValue(Threads) }, terminal.Warn);
            var applied = terminal.WithProgress(progress => new PlanApplication(text.Source(parsed), format, progress).Run(loaded, plan, folder, cancellation));
            var figures = new ApplyFigures(
                model, plan, folder, parsed.GetValue(Format)!, loaded.Model.ExpertBytes, loaded.Model.ExpertBytes + loaded.Model.DenseBytes, PlanFigures.Of(applied));
            FigureJson.Write(parsed.GetValue(Json), figures, FigureJsonContext.Default.ApplyFigures);
            if (figures.ExpertBytes != applied.Budget.PlannedBytes)
                terminal.Warn($"{plan}: budget.plannedBytes says {applied.Budget.PlannedBytes}, this engine holds {figures.ExpertBytes}");
            PlanTable.Render(terminal.Out, applied);
            terminal.Text.WriteLine($"Written to {folder}: {figures.Format} checkpoint; the plan's experts take {FigureText.Bytes(figures.ExpertBytes)}");
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }
}

/// <summary>The JSON document of <c>apply</c>; bytes as the engine holds the plan.</summary>
internal sealed record ApplyFigures(string Model, string PlanFile, string Out, string Format, long ExpertBytes, long TotalBytes, PlanFigures Plan);
