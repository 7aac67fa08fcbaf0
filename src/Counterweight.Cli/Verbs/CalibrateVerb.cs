using System.CommandLine;
using System.Globalization;
using Counterweight.Balancing;
using Counterweight.Balancing.Loads;
using Counterweight.Cli.Output;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Cli.Verbs;

/// <summary><c>calibrate</c>: records expert loads on text.</summary>
internal static class CalibrateVerb
{
    private static readonly Argument<string> Model = CommonOptions.Model();
    private static readonly Option<string> Out = new("--out", "-o") { Description = "Loads file to write", Required = true };
    private static readonly Option<string?> Plan = CommonOptions.Plan();
    private static readonly Option<int?> Threads = CommonOptions.Threads();
    private static readonly Option<string?> Kernels = CommonOptions.Kernels();
    private static readonly Option<string> Split = CommonOptions.Split();
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        var text = new CalibrationOptionSet();
        var command = new Command("calibrate", "Records the loads of experts at prefill and at decoding, each text a trace of windows") { Model, Out };
        text.AddTo(command);
        foreach (var option in new Option[] { Plan, Split, Threads, Kernels, Json })
            command.Add(option);
        command.Does((parsed, terminal, cancellation) =>
        {
            var (model, file) = (parsed.GetValue(Model)!, parsed.GetValue(Out)!);
            AtomicFile.CheckWritable(file);
            CommonOptions.CheckJson(parsed, Json);
            var source = text.Source(parsed);
            source.Validate();
            using var loaded = LoadedModel.Open(model, CommonOptions.Load(parsed, Plan, Threads, Kernels, null, Split), terminal.Warn);
            var (tokens, loads) = terminal.WithProgress(progress => LoadRecording.Run(loaded, source, progress, cancellation));
            AtomicFile.Write(file, stream => LoadsFile.Write(loads, stream));
            var figures = CalibrateFigures.Of(model, tokens, loads);
            FigureJson.Write(parsed.GetValue(Json), figures, FigureJsonContext.Default.CalibrateFigures);
            Render(terminal, figures);
            terminal.Text.WriteLine($"Written to {file}: {loads.Traces.Count} traces over {FigureText.Count(tokens)} tokens of text");
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static void Render(Terminal terminal, CalibrateFigures figures) => FigureTable.Render(
        terminal.Out,
        ["layer", .. figures.Phases.SelectMany(phase => new[] { $"{phase.Phase} LIS", "heavy hitter", "its share" })],
        figures.Phases[0].Layers.Select((layer, l) => (string[])[
            layer.Layer.ToString(CultureInfo.InvariantCulture),
            .. figures.Phases.SelectMany(phase => new[]
            {
                FigureText.Score(phase.Layers[l].Lis), phase.Layers[l].HeavyHitter.ToString(CultureInfo.InvariantCulture), FigureText.Percent(phase.Layers[l].HeavyHitterShare),
            })]));
}

/// <summary>The JSON document of <c>calibrate</c>.</summary>
internal sealed record CalibrateFigures(string Model, long CalibrationTokens, IReadOnlyList<PhaseLoads> Phases)
{
    public static CalibrateFigures Of(string model, long tokens, RecordedLoads loads) => new(
        model, tokens, [.. loads.Traces.GroupBy(trace => trace.Phase).Select(phase => PhaseLoads.Of(phase.Key, loads.Model.MoeLayers, [.. phase]))]);
}

/// <summary>The loads of one phase over all texts.</summary>
internal sealed record PhaseLoads(string Phase, double MeanLis, IReadOnlyList<LayerLoads> Layers)
{
    public static PhaseLoads Of(LoadPhase phase, IReadOnlyList<int> layers, IReadOnlyList<LoadTrace> traces)
    {
        var total = ExpertLoads.Sum([.. traces.Select(trace => trace.Total)]);
        var rows = layers.Select((layer, l) => LayerLoads.Of(layer, total[l].ToArray())).ToArray();
        return new PhaseLoads(phase == LoadPhase.Decode ? "decode" : "prefill", rows.Average(row => row.Lis), rows);
    }
}

/// <summary>How uneven a layer's loads are.</summary>
internal sealed record LayerLoads(int Layer, double Lis, int HeavyHitter, double HeavyHitterShare)
{
    public static LayerLoads Of(int layer, long[] loads)
    {
        var most = loads.Max();
        return new LayerLoads(layer, LoadImbalance.MaxOverMean((ReadOnlySpan<long>)loads), Array.IndexOf(loads, most), most / (double)Math.Max(1, loads.Sum()));
    }
}
