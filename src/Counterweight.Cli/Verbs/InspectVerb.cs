using System.CommandLine;
using Counterweight.Balancing.Plans;
using Counterweight.Cli.Output;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Reports;
using Counterweight.Planner;

namespace Counterweight.Cli.Verbs;

/// <summary><c>inspect</c>: what a model folder holds, or a file of loads or a plan.</summary>
internal static class InspectVerb
{
    private static readonly Argument<string> Path = new("PATH") { Description = "Folder of a model; or a file: a model in GGUF, recorded loads, plan.json, the plan file of an engine" };
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        var command = new Command("inspect", "Shows what a model folder holds (sizes, parameters, bytes, its plan), or recorded loads, or a plan") { Path, Json };
        command.Does((parsed, terminal, _) =>
        {
            var path = parsed.GetValue(Path)!;
            if (PlanFile.IsPlan(path))
                InspectPlan(path, terminal, parsed.GetValue(Json));
            else if (File.Exists(path) && !Checkpoint.IsModelFile(path))
                PlannerVerbs.Inspect(path, terminal.Text, parsed.GetValue(Json));
            else
                InspectModel(path, terminal, parsed.GetValue(Json));
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static void InspectPlan(string file, Terminal terminal, string? json)
    {
        var plan = PlanFile.Read(file);
        FigureJson.Write(json, PlanFigures.Of(plan), FigureJsonContext.Default.PlanFigures);
        PlanTable.Render(terminal.Out, plan);
    }

    private static void InspectModel(string folder, Terminal terminal, string? json)
    {
        var summary = ModelSummary.Of(folder, terminal.Warn);
        FigureJson.Write(json, InspectFigures.Of(folder, summary), FigureJsonContext.Default.InspectFigures);
        FigureTable.RenderFigures(terminal.Out, Rows(folder, summary));
        if (summary.Plan is { } plan)
            PlanTable.Render(terminal.Out, plan);
    }

    private static IEnumerable<(string, string)> Rows(string folder, ModelSummary summary)
    {
        var shape = summary.Shape;
        yield return ("model", folder);
        yield return ("kind", summary.IsBalanced ? "balanced checkpoint" : "checkpoint");
        yield return ("architecture", shape.ModelType);
        yield return ("layers", $"{shape.Layers}, of them {shape.MoeLayers.Count} MoE");
        yield return ("experts", $"{shape.Experts} in each MoE layer, top-{shape.TopK}");
        yield return ("hidden size", $"{shape.Hidden}, inside an expert {shape.ExpertIntermediate}");
        yield return ("vocabulary", FigureText.Count(shape.Vocabulary));
        yield return ("longest input", $"{FigureText.Count(shape.MaxPositions)} tokens");
        yield return ("parameters", FigureText.Count(summary.Parameters));
        yield return ("parameters per token", FigureText.Count(summary.ActiveParameters));
        yield return ("stored precision", summary.StoredPrecision.Name());
        foreach (var (precision, bytes) in summary.BytesByPrecision)
            yield return ($"bytes of an expert, {precision.Name()}", $"{FigureText.Count(bytes / summary.AllExperts)} ({FigureText.Bytes(bytes)} for all)");
        yield return ("expert bytes", FigureText.Bytes(summary.ExpertBytes));
        yield return ("total bytes", FigureText.Bytes(summary.ExpertBytes + summary.DenseBytes));
    }
}

/// <summary>The JSON document of <c>inspect</c> on a model.</summary>
internal sealed record InspectFigures(
    string Model, bool Balanced, string ModelType, int Layers, IReadOnlyList<int> MoeLayers, int Experts, int TopK, int HiddenSize, int ExpertIntermediateSize,
    int Vocabulary, int MaxPositions, long Parameters, long ActiveParameters, string StoredPrecision, IReadOnlyDictionary<string, long> BytesOfExpert,
    long ExpertBytes, long TotalBytes, PlanFigures? Plan)
{
    public static InspectFigures Of(string folder, ModelSummary summary)
    {
        var shape = summary.Shape;
        return new InspectFigures(
            folder, summary.IsBalanced, shape.ModelType, shape.Layers, shape.MoeLayers, shape.Experts, shape.TopK, shape.Hidden, shape.ExpertIntermediate,
            shape.Vocabulary, shape.MaxPositions, summary.Parameters, summary.ActiveParameters, summary.StoredPrecision.Name(),
            summary.BytesByPrecision.ToDictionary(entry => entry.Key.Name(), entry => entry.Value / summary.AllExperts),
            summary.ExpertBytes, summary.ExpertBytes + summary.DenseBytes, summary.Plan is { } plan ? PlanFigures.Of(plan) : null);
    }
}
