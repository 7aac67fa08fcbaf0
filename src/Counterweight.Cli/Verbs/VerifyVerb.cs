using System.CommandLine;
using System.Globalization;
using Counterweight.Balancing;
using Counterweight.Cli.Output;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;
using Counterweight.Evaluation.Verification;

namespace Counterweight.Cli.Verbs;

/// <summary><c>verify</c>: the forward pass against reference outputs.</summary>
internal static class VerifyVerb
{
    private const string GoldenFile = "golden.safetensors";

    private static readonly Argument<string[]> Models = new("MODEL")
    {
        Description = "Folders of models, or folders that hold such folders with reference outputs",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string?> Golden = new("--golden") { Description = $"Reference outputs, safetensors: input_ids, logits, hidden.N, router.N.…, greedy_ids, padded.…; default: {GoldenFile} in the model's folder" };
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
            Models, Golden, Tolerance, Threads, Kernels, Json,
        };
        command.Does((parsed, terminal, cancellation) =>
        {
            CommonOptions.CheckJson(parsed, Json);
            var folders = Folders(parsed.GetValue(Models)!, parsed.GetValue(Golden));
            return Task.FromResult(folders is null ? One(parsed, terminal, cancellation) : Many(folders, parsed, terminal, cancellation));
        });
        return command;
    }

    /// <summary>The folders of a run over several; null for a run over one model.</summary>
    private static string[]? Folders(string[] paths, string? golden)
    {
        if (golden is not null)
            return paths.Length == 1 ? null : throw new InvalidInputException("--golden", $"{paths.Length} models", "one model: each of several has its reference outputs in its folder");
        if (paths.Length == 1 && (File.Exists(Path.Combine(paths[0], GoldenFile)) || !Directory.Exists(paths[0]) || File.Exists(Path.Combine(paths[0], "config.json"))))
            return null;
        return [.. paths.SelectMany(path => File.Exists(Path.Combine(path, GoldenFile)) ? [path] : Below(path))];
    }

    private static string[] Below(string parent)
    {
        string[] folders = Directory.Exists(parent)
            ? [.. Directory.EnumerateDirectories(parent).Where(folder => File.Exists(Path.Combine(folder, GoldenFile)) && File.Exists(Path.Combine(folder, "config.json"))).Order(StringComparer.Ordinal)]
            : [];
        return folders.Length > 0 ? folders : throw new InvalidInputException(parent, "no model with reference outputs", $"{GoldenFile} in it, or folders with config.json and {GoldenFile}");
    }

    private static int One(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var model = parsed.GetValue(Models)![0];
        var file = parsed.GetValue(Golden) ?? Path.Combine(model, GoldenFile);
        var figures = terminal.WithProgress(_ => Verify(model, file, parsed, terminal, cancellation));
        FigureJson.Write(parsed.GetValue(Json), figures, FigureJsonContext.Default.VerifyFigures);
        FigureTable.Render(terminal.Out, ["tensor", "largest difference", "tolerance", ""], figures.Tensors.Select(tensor => (string[])[
            tensor.Tensor, Text(tensor.LargestDifference), Text(tensor.Tolerance), tensor.Agrees ? "agrees" : "DIFFERS"]));
        if (figures.Agrees)
            return ExitCodes.Done;
        var worst = figures.Tensors.First(tensor => !tensor.Agrees);
        terminal.Say($"{figures.Golden}: {worst.Tensor}: found a difference of {Text(worst.LargestDifference)}, expected at most {Text(worst.Tolerance)}");
        return ExitCodes.Failed;
    }

    private static int Many(string[] folders, ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var results = terminal.WithProgress(progress =>
        {
            using var work = progress.Begin("verify", folders.Length);
            return folders.Select(folder =>
            {
                var result = VerifyFolder(folder, parsed, terminal, cancellation);
                work.Advance(1);
                return result;
            }).ToArray();
        });
        var figures = new VerifyFolderFigures(results.All(result => result.Agrees), results);
        FigureJson.Write(parsed.GetValue(Json), figures, FigureJsonContext.Default.VerifyFolderFigures);
        FigureTable.Render(terminal.Out, ["folder", "tensors", "largest difference", "tolerance", ""], results.Select(result => (string[])[
            Path.GetFileName(Path.TrimEndingDirectorySeparator(result.Model)), $"{result.Tensors}", Text(result.LargestDifference), Text(result.Tolerance),
            result.Agrees ? "agrees" : result.Refused is null ? $"DIFFERS: {result.Worst}" : "REFUSED"]));
        foreach (var result in results.Where(result => result.Refused is not null))
            terminal.Say(result.Refused!);
        return figures.Agrees ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static VerifyFolder VerifyFolder(string folder, ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        try
        {
            var figures = Verify(folder, Path.Combine(folder, GoldenFile), parsed, terminal, cancellation);
            var values = figures.Tensors.Where(tensor => tensor.Tolerance > 0).DefaultIfEmpty();
            var wrong = figures.Tensors.Where(tensor => !tensor.Agrees).Select(tensor => tensor.Tensor).FirstOrDefault();
            return new VerifyFolder(folder, figures.Tensors.Count, values.Max(tensor => tensor.LargestDifference), values.Max(tensor => tensor.Tolerance), figures.Agrees, wrong, null);
        }
        catch (InvalidInputException e)
        {
            return new VerifyFolder(folder, 0, 0, 0, false, null, e.Message);
        }
    }

    private static VerifyFigures Verify(string model, string file, ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var golden = SafetensorsFile.Open(file);
        var tolerance = parsed.GetValue(Tolerance) ?? GoldenVerifier.ToleranceOf(file);
        var options = new LoadOptions { Threads = parsed.GetValue(Threads), Kernels = parsed.GetValue(Kernels), Compute = ComputeMode.Exact };
        using var loaded = LoadedModel.Open(model, options, terminal.Warn);
        var tensors = new GoldenVerifier(loaded.Model, golden, tolerance, cancellation) { Variant = GoldenVerifier.VariantOf(model) }.Verify();
        return new VerifyFigures(model, file, loaded.Model.Context.Kernel.Name, tensors.All(tensor => tensor.Agrees), tensors);
    }

    private static string Text(double value) => value.ToString("0.##e+0", CultureInfo.InvariantCulture);
}

/// <summary>The JSON document of <c>verify</c> on one model.</summary>
internal sealed record VerifyFigures(string Model, string Golden, string Kernels, bool Agrees, IReadOnlyList<TensorDifference> Tensors);

/// <summary>The JSON document of <c>verify</c> on several.</summary>
internal sealed record VerifyFolderFigures(bool Agrees, IReadOnlyList<VerifyFolder> Folders);

/// <summary>One of several models.</summary>
internal sealed record VerifyFolder(string Model, int Tensors, double LargestDifference, double Tolerance, bool Agrees, string? Worst, string? Refused);
