using System.CommandLine;
using System.Globalization;
using Counterweight.Cli.Output;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Verification;

namespace Counterweight.Cli.Verbs;

/// <summary><c>verify</c>: the forward pass against reference outputs.</summary>
internal static class VerifyVerb
{
    private static readonly Argument<string> Model = CommonOptions.Model();
    private static readonly Option<string> Golden = new("--golden") { Description = "Reference outputs, safetensors: input_ids, logits, hidden.N, router.N.…, greedy_ids, padded.…", Required = true };
    private static readonly Option<double?> Tolerance = new("--tolerance") { Description = "Largest absolute difference that agrees; default: the tolerance in golden.json beside the reference, else 0.001" };
    private static readonly Option<int?> Threads = CommonOptions.Threads();
    private static readonly Option<string?> Kernels = CommonOptions.Kernels();
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        Tolerance.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is < 0 or double.NaN)
                result.AddError("--tolerance: found no number of 0 or more, expected one");
        });
        var command = new Command("verify", "Compares a forward pass and greedy generation with reference outputs; exits 1 where they differ by more than the tolerance")
        {
            Model, Golden, Tolerance, Threads, Kernels, Json,
        };
        command.Does((parsed, terminal, _) =>
        {
            var figures = terminal.WithProgress(_ => Verify(parsed, terminal));
            FigureJson.Write(parsed.GetValue(Json), figures, FigureJsonContext.Default.VerifyFigures);
            FigureTable.Render(terminal.Out, ["tensor", "largest difference", "tolerance", ""], figures.Tensors.Select(tensor => (string[])[
                tensor.Tensor, Text(tensor.LargestDifference), Text(tensor.Tolerance), tensor.Agrees ? "agrees" : "DIFFERS"]));
            if (figures.Agrees)
                return Task.FromResult(ExitCodes.Done);
            var worst = figures.Tensors.First(tensor => !tensor.Agrees);
            terminal.Say($"{figures.Golden}: {worst.Tensor}: found a difference of {Text(worst.LargestDifference)}, expected at most {Text(worst.Tolerance)}");
            return Task.FromResult(ExitCodes.Failed);
        });
        return command;
    }

    private static VerifyFigures Verify(ParseResult parsed, Terminal terminal)
    {
        var file = parsed.GetValue(Golden)!;
        using var golden = SafetensorsFile.Open(file);
        var tolerance = parsed.GetValue(Tolerance) ?? GoldenVerifier.ToleranceOf(file);
        var options = new LoadOptions { Threads = parsed.GetValue(Threads), Kernels = parsed.GetValue(Kernels) };
        using var loaded = LoadedModel.Open(parsed.GetValue(Model)!, options, terminal.Warn);
        var tensors = new GoldenVerifier(loaded.Model, golden, tolerance) { Variant = GoldenVerifier.VariantOf(parsed.GetValue(Model)!) }.Verify();
        return new VerifyFigures(parsed.GetValue(Model)!, file, loaded.Model.Context.Kernel.Name, tensors.All(tensor => tensor.Agrees), tensors);
    }

    private static string Text(double value) => value.ToString("0.##e+0", CultureInfo.InvariantCulture);
}

/// <summary>The JSON document of <c>verify</c>.</summary>
internal sealed record VerifyFigures(string Model, string Golden, string Kernels, bool Agrees, IReadOnlyList<TensorDifference> Tensors);
