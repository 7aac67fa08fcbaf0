using System.CommandLine;
using System.Globalization;
using Counterweight.Cli.Output;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Cli.Verbs;

/// <summary><c>bench</c>: tokens per second of prefill and decoding.</summary>
internal static class BenchVerb
{
    private static readonly Argument<string> Model = CommonOptions.Model();
    private static readonly Option<string?> Plan = CommonOptions.Plan();
    private static readonly Option<string> Split = CommonOptions.Split();
    private static readonly Option<int[]> PromptTokens = CommonOptions.Numbers("--prompt-tokens", "Lengths of prompts for prefill; default: 64, 256 and the model's longest, at most 2048", null);
    private static readonly Option<int[]> Batch = CommonOptions.Numbers("--batch", "Sequences at once for decoding", [1, 8, 32]);
    private static readonly Option<int?> Tokens = CommonOptions.Ranged(new Option<int?>("--tokens") { Description = "Tokens that each sequence gets; default 64" }, 1, int.MaxValue);
    private static readonly Option<int?> Runs = CommonOptions.Ranged(new Option<int?>("--runs") { Description = "Timed runs of each, after one that is not timed; default 5" }, 1, 1000);
    private static readonly Option<int?> Threads = CommonOptions.Threads();
    private static readonly Option<bool> Pin = CommonOptions.Pin();
    private static readonly Option<string?> Kernels = CommonOptions.Kernels();
    private static readonly Option<ComputeMode> Compute = CommonOptions.Compute(ComputeMode.Fastest);
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        var command = new Command("bench", "Times prefill and decoding: slowest, middle and fastest run, tokens per second")
        {
            Model, Plan, Split, PromptTokens, Batch, Tokens, Runs, Threads, Pin, Kernels, Compute, Json,
        };
        command.Does((parsed, terminal, cancellation) =>
        {
            CommonOptions.CheckJson(parsed, Json);
            using var loaded = LoadedModel.Open(parsed.GetValue(Model)!, CommonOptions.Load(parsed, Plan, Threads, Kernels, Compute, Split) with { Pin = parsed.GetValue(Pin) }, terminal.Warn);
            var prompts = parsed.GetValue(PromptTokens) is { Length: > 0 } given ? given : SpeedBench.DefaultPrompts(loaded.Model.Shape);
            var bench = new SpeedBench(prompts, parsed.GetValue(Batch)!, parsed.GetValue(Tokens) ?? 64, parsed.GetValue(Runs) ?? 5);
            var speeds = terminal.WithProgress(progress => bench.Run(loaded.Model, progress, cancellation));
            var figures = new BenchFigures(
                parsed.GetValue(Model)!, parsed.GetValue(Plan), Machine.Describe(loaded.Model.Context), loaded.Model.Context.Pool.Workers,
                loaded.Model.Context.Kernel.Name, bench.Runs, loaded.Model.ExpertBytes, loaded.Model.ExpertBytes + loaded.Model.DenseBytes, speeds);
            FigureJson.Write(parsed.GetValue(Json), figures, FigureJsonContext.Default.BenchFigures);
            terminal.Text.WriteLine($"{figures.Cpu}; expert bytes {FigureText.Bytes(figures.ExpertBytes)}; tokens/s over {bench.Runs} runs");
            FigureTable.Render(terminal.Out, ["", "batch", "tokens", "min", "median", "max"], speeds.Select(speed => (string[])[
                speed.Phase, Text(speed.Batch), Text(speed.Tokens), FigureText.Count(speed.Min), FigureText.Count(speed.Median), FigureText.Count(speed.Max)]));
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The JSON document of <c>bench</c>; speeds in tokens per second.</summary>
internal sealed record BenchFigures(
    string Model, string? Plan, string Cpu, int Threads, string Kernels, int Runs, long ExpertBytes, long TotalBytes, IReadOnlyList<SpeedFigure> TokensPerSecond);
