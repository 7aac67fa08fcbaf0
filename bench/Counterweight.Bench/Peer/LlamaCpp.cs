using System.Globalization;
using System.Text.Json;

namespace Counterweight.Bench.Peer;

/// <summary>Runs the binaries of an existing llama.cpp build.</summary>
/// <param name="folder">Folder with <c>llama-bench</c>, <c>llama-batched-bench</c> and <c>llama-completion</c>.</param>
internal sealed class LlamaCpp(string folder)
{
    public const string FolderVariable = "LLAMA_CPP_BIN";

    /// <summary>The build that <see cref="FolderVariable"/> names.</summary>
    public static LlamaCpp Find()
    {
        var folder = Environment.GetEnvironmentVariable(FolderVariable);
        return folder is not null && File.Exists(Path.Combine(folder, "llama-bench"))
            ? new LlamaCpp(folder)
            : throw new InvalidOperationException($"{FolderVariable}: found \"{folder}\", expected a folder with llama-bench, llama-batched-bench and llama-completion of a native llama.cpp build");
    }

    /// <summary>What the build says of itself.</summary>
    public string Version(string model)
    {
        using var test = JsonDocument.Parse(LlamaBench(model, 1, "-p", "1", "-n", "0", "-r", "1"));
        var first = test.RootElement[0];
        return $"llama.cpp {first.GetProperty("build_commit").GetString()} (build {first.GetProperty("build_number").GetInt32()})";
    }

    /// <summary>Tokens per second of a prompt, the middle one of some runs.</summary>
    public double Prefill(string model, int tokens, int runs, int threads)
    {
        using var tests = JsonDocument.Parse(LlamaBench(model, threads, "-p", Text(tokens), "-n", "0", "-r", Text(runs)));
        return PeerSpeeds.Median([.. tests.RootElement[0].GetProperty("samples_ts").EnumerateArray().Select(sample => sample.GetDouble())]);
    }

    /// <summary>Tokens per second of decoding, by batch.</summary>
    public Dictionary<int, double> Decode(string model, int prompt, int tokens, IReadOnlyList<int> batches, int threads)
    {
        var output = ChildProcess.Run(Path.Combine(folder, "llama-batched-bench"),
            "-m", model, "-t", Text(threads), "-tb", Text(threads), "-npp", Text(prompt), "-ntg", Text(tokens), "-npl", string.Join(',', batches),
            "-c", Text(batches.Max() * (prompt + tokens)), "--output-format", "jsonl");
        var speeds = new Dictionary<int, double>();
        foreach (var line in output.Split('\n').Where(line => line.StartsWith('{')))
        {
            using var test = JsonDocument.Parse(line);
            speeds[test.RootElement.GetProperty("pl").GetInt32()] = test.RootElement.GetProperty("speed_tg").GetDouble();
        }
        return speeds;
    }

    /// <summary>The greedy continuation of a prompt.</summary>
    public string Continue(string model, string prompt, int tokens) => ChildProcess.Run(Path.Combine(folder, "llama-completion"),
        "-m", model, "-p", prompt, "-n", Text(tokens), "--temp", "0", "--ignore-eos", "-no-cnv", "--no-display-prompt", "--no-warmup", "-c", "512");

    private string LlamaBench(string model, int threads, params string[] test) =>
        ChildProcess.Run(Path.Combine(folder, "llama-bench"), ["-m", model, "-t", Text(threads), "-o", "json", .. test]);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
