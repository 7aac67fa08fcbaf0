using System.Globalization;
using System.Text.Json;

namespace Counterweight.Bench.Peer;

/// <summary>Runs Counterweight's own verbs in a process of their own, as the peer is run.</summary>
internal static class OwnEngine
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "counterweight");

    /// <summary>Tokens per second of a prompt, and of decoding by batch.</summary>
    public static (double Prefill, Dictionary<int, double> Decode) Speeds(string model, PeerWork work, int threads)
    {
        var json = Path.GetTempFileName();
        try
        {
            ChildProcess.Run(Program,
                ["bench", model, "--prompt-tokens", Text(work.PromptTokens), "--tokens", Text(work.DecodeTokens), "--runs", "1", "--threads", Text(threads),
                 "--json", json, "--batch", .. work.Batches.Select(Text)]);
            using var figures = JsonDocument.Parse(File.ReadAllBytes(json));
            var speeds = figures.RootElement.GetProperty("tokensPerSecond").EnumerateArray().ToLookup(
                speed => speed.GetProperty("phase").GetString(), speed => (Batch: speed.GetProperty("batch").GetInt32(), Speed: speed.GetProperty("median").GetDouble()));
            return (speeds["prefill"].Single().Speed, speeds["decode"].ToDictionary(speed => speed.Batch, speed => speed.Speed));
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
