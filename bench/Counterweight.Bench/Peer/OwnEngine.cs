using System.Globalization;
using System.Text.Json;

namespace Counterweight.Bench.Peer;

/// <summary>Runs Counterweight's own verbs in a process of their own, as the peer is run.</summary>
internal static class OwnEngine
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "counterweight");

    /// <summary>Tokens per second of a prompt, the middle one of some runs.</summary>
    public static double Prefill(string model, int tokens, int runs, int threads) =>
        Speeds(model, threads, "--prompt-tokens", Text(tokens), "--runs", Text(runs), "--tokens", "1", "--batch", "1").Single(speed => speed.Phase == "prefill").Speed;

    /// <summary>Tokens per second of decoding, by batch.</summary>
    public static Dictionary<int, double> Decode(string model, int tokens, IReadOnlyList<int> batches, int threads) =>
        Speeds(model, threads, ["--prompt-tokens", "1", "--runs", "1", "--tokens", Text(tokens), "--batch", .. batches.Select(Text)])
            .Where(speed => speed.Phase == "decode").ToDictionary(speed => speed.Batch, speed => speed.Speed);

    private static (string Phase, int Batch, double Speed)[] Speeds(string model, int threads, params string[] work)
    {
        var json = Path.GetTempFileName();
        try
        {
            ChildProcess.Run(Program, ["bench", model, "--threads", Text(threads), "--json", json, .. work]);
            using var figures = JsonDocument.Parse(File.ReadAllBytes(json));
            return [.. figures.RootElement.GetProperty("tokensPerSecond").EnumerateArray().Select(
                speed => (speed.GetProperty("phase").GetString()!, speed.GetProperty("batch").GetInt32(), speed.GetProperty("median").GetDouble()))];
        }
        finally
        {
            File.Delete(json);
        }
    }

    /// <summary>The greedy continuation of a prompt.</summary>
    public static string Continue(string model, string prompt, int tokens) => ChildProcess.Run(Program,
        "generate", model, "--prompt", prompt, "--max-tokens", Text(tokens), "--temperature", "0", "--ignore-end");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
