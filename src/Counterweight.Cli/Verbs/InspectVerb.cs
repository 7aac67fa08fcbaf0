using System.CommandLine;
using Counterweight.Balancing;
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
        var command = new Command("inspect", "Shows what a model holds (sizes, parameters, bytes, its plan) and what balancing could gain, or what recorded loads or a plan hold") { Path };
        var potential = new InspectPotential();
        potential.AddTo(command);
        command.Add(Json);
        command.Does((parsed, terminal, cancellation) =>
        {
            var path = parsed.GetValue(Path)!;
            var isModel = !PlanFile.IsPlan(path) && (!File.Exists(path) || Checkpoint.IsModelFile(path));
            if (!isModel && potential.IsAsked(parsed))
                throw new InvalidInputException("--loads, --text and --self", path, "a model");
            if (PlanFile.IsPlan(path))
                InspectPlan(path, terminal, parsed.GetValue(Json));
            else if (!isModel)
                PlannerVerbs.Inspect(path, terminal.Text, parsed.GetValue(Json));
            else
                InspectModel(path, terminal, parsed.GetValue(Json), summary => potential.Of(path, summary, parsed, terminal, cancellation));
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

    private static void InspectModel(string folder, Terminal terminal, string? json, Func<ModelSummary, LoadPotential?> potentialOf)
    {
        var summary = ModelSummary.Of(folder, terminal.Warn);
        var potential = potentialOf(summary);
        FigureJson.Write(json, InspectFigures.Of(folder, summary, potential), FigureJsonContext.Default.InspectFigures);
        FigureTable.RenderFigures(terminal.Out, [.. Rows(folder, summary), .. potential?.Rows() ?? Unmeasured(summary)]);
        if (summary.Plan is { } plan)
            PlanTable.Render(terminal.Out, plan);
    }

    private static IEnumerable<(string, string)> Unmeasured(ModelSummary summary) =>
        summary.FreedBytes.Count > 0 ? [("gain of balancing", "depends on the traffic: --text or --loads measure it")] : [];

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
        foreach (var freed in summary.FreedBytes)
            yield return ($"experts in {freed.Precision.Name()}", $"free {FigureText.Bytes(freed.Bytes)}: at equal bytes {FigureText.Count(freed.ReplicasPerLayer)} replicas in each MoE layer");
    }
}

/// <summary>The JSON document of <c>inspect</c> on a model.</summary>
internal sealed record InspectFigures(
    string Model, bool Balanced, string ModelType, int Layers, IReadOnlyList<int> MoeLayers, int Experts, int TopK, int HiddenSize, int ExpertIntermediateSize,
    int Vocabulary, int MaxPositions, long Parameters, long ActiveParameters, string StoredPrecision, IReadOnlyDictionary<string, long> BytesOfExpert,
    long ExpertBytes, long TotalBytes, IReadOnlyList<FreedFigures> FreedBytes, LoadPotential? Potential, PlanFigures? Plan)
{
    public static InspectFigures Of(string folder, ModelSummary summary, LoadPotential? potential)
    {
        var shape = summary.Shape;
        return new InspectFigures(
            folder, summary.IsBalanced, shape.ModelType, shape.Layers, shape.MoeLayers, shape.Experts, shape.TopK, shape.Hidden, shape.ExpertIntermediate,
            shape.Vocabulary, shape.MaxPositions, summary.Parameters, summary.ActiveParameters, summary.StoredPrecision.Name(),
            summary.BytesByPrecision.ToDictionary(entry => entry.Key.Name(), entry => entry.Value / summary.AllExperts),
            summary.ExpertBytes, summary.ExpertBytes + summary.DenseBytes,
            [.. summary.FreedBytes.Select(freed => new FreedFigures(freed.Precision.Name(), freed.Bytes, freed.ReplicasPerLayer))], potential,
            summary.Plan is { } plan ? PlanFigures.Of(plan) : null);
    }
}

/// <summary>What all experts in a lower precision free, and how many replicas in each layer that pays for.</summary>
internal sealed record FreedFigures(string Precision, long Bytes, int ReplicasPerLayer);
