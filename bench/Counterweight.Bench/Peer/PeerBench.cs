using Counterweight.Evaluation.Balance;

namespace Counterweight.Bench.Peer;

/// <summary>Speeds of one kind of work on one model file, tokens per second in the order of the runs.</summary>
internal sealed record PeerSpeeds(string Shape, string Format, int Threads, string Work, int Batch, double[] Own, double[] Theirs, double ShareOfLimit)
{
    /// <summary>Median over median.</summary>
    public double Ratio => Median(Own) / Median(Theirs);

    public static double Median(double[] runs)
    {
        double[] sorted = [.. runs.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <summary>How many greedy first tokens of some prompts are the same in both engines.</summary>
internal sealed record PeerAgreement(string Shape, string Format, int Same, int Prompts);

/// <summary>Everything that one run of the bench measured.</summary>
internal sealed record PeerResults(string Cpu, string Peer, MachineLimits[] Limits, List<PeerSpeeds> Speeds, List<PeerAgreement> Agreement)
{
    /// <summary>Puts in speeds of one model file and thread count instead of earlier ones.</summary>
    public void Replace(PeerSpeeds[] speeds)
    {
        Speeds.RemoveAll(old => speeds.Any(now => (now.Shape, now.Format, now.Threads) == (old.Shape, old.Format, old.Threads)));
        Speeds.AddRange(speeds);
    }

    /// <summary>Puts in the agreement on one model file instead of an earlier one.</summary>
    public void Replace(PeerAgreement agreement)
    {
        Agreement.RemoveAll(old => (old.Shape, old.Format) == (agreement.Shape, agreement.Format));
        Agreement.Add(agreement);
    }
}

/// <summary>Runs llama.cpp and Counterweight in turns on the same files and the same work.</summary>
internal static class PeerBench
{
    private static readonly string[] Prompts =
    [
        "The river was high that spring", "def count(words):", "In 1905 a clerk in Bern", "Take two eggs and", "She opened the letter and", "The court holds that",
        "Once upon a time there were", "Rain fell on the",
    ];

    public static void Run(PeerOptions options)
    {
        var peer = LlamaCpp.Find();
        PeerResults? results = null;
        foreach (var shape in options.Shapes)
            foreach (var format in options.Formats)
            {
                var (model, blocks) = (PeerModel.All.Single(m => m.Name == shape), BlockFormat.All.Single(f => f.Name == format));
                var file = Make(options.Models, model, blocks);
                results ??= PeerReport.Begin(Machine.Processor(), peer.Version(file), [.. options.Threads.Select(MachineLimits.Measure)], options.Results);
                results.Replace(Compare(peer, file, model, blocks));
                foreach (var threads in options.Threads)
                {
                    results.Replace([.. Time(peer, file, model, blocks, results.Limits.Single(limits => limits.Threads == threads), options.Runs)]);
                    PeerReport.Write(results, options);
                }
            }
    }

    /// <summary>The model's file, made if it is not there yet.</summary>
    public static string Make(string folder, PeerModel model, BlockFormat format)
    {
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, $"{model.Name}.{format.Name}.gguf");
        if (!File.Exists(file))
            new GgufModelWriter(model, format).Write(file, Path.Combine(ProjectRoot(), "models", "pocket-moe", "tokenizer.json"));
        return file;
    }

    private static PeerAgreement Compare(LlamaCpp peer, string file, PeerModel model, BlockFormat format) => new(
        model.Name, format.Name, Prompts.Count(prompt => peer.Continue(file, prompt, 1).Trim() == OwnEngine.Continue(file, prompt, 1).Trim()), Prompts.Length);

    private static IEnumerable<PeerSpeeds> Time(LlamaCpp peer, string file, PeerModel model, BlockFormat format, MachineLimits limits, int runs)
    {
        var work = PeerWork.Default;
        var (ownPrefill, theirPrefill) = (new double[runs], new double[runs]);
        var (ownDecode, theirDecode) = (work.Batches.ToDictionary(b => b, _ => new double[runs]), work.Batches.ToDictionary(b => b, _ => new double[runs]));
        for (var run = 0; run < runs; run++)
        {
            theirPrefill[run] = peer.Prefill(file, work.PromptTokens, work.PromptRuns, limits.Threads);
            ownPrefill[run] = OwnEngine.Prefill(file, work.PromptTokens, work.PromptRuns, limits.Threads);
            var their = peer.Decode(file, work.DecodePromptTokens, work.DecodeTokens, work.Batches, limits.Threads);
            var own = OwnEngine.Decode(file, work.DecodeTokens, work.Batches, limits.Threads);
            foreach (var batch in work.Batches)
                (ownDecode[batch][run], theirDecode[batch][run]) = (own[batch], their[batch]);
            Console.Error.WriteLine($"{model.Name} {format.Name}, {limits.Threads} threads, run {run + 1} of {runs}");
        }
        yield return new PeerSpeeds(model.Name, format.Name, limits.Threads, $"prefill {work.PromptTokens}", 1, ownPrefill, theirPrefill,
            limits.ShareOfArithmetic(format, model.ActiveWeightsOfPrompt, PeerSpeeds.Median(ownPrefill)));
        foreach (var batch in work.Batches)
        {
            var speed = PeerSpeeds.Median(ownDecode[batch]);
            var share = batch == 1
                ? limits.ShareOfBandwidth(model.ActiveWeights * format.BytesPerWeight, speed)
                : limits.ShareOfArithmetic(format, model.ActiveWeights, speed);
            yield return new PeerSpeeds(model.Name, format.Name, limits.Threads, $"decode {work.DecodeTokens}", batch, ownDecode[batch], theirDecode[batch], share);
        }
    }

    private static string ProjectRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Counterweight.slnx")))
                return folder.FullName;
        throw new InvalidOperationException($"{AppContext.BaseDirectory}: found no Counterweight.slnx above it, expected a build inside the project");
    }
}
