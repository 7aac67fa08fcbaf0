using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Counterweight.Bench.Peer;

/// <summary>The results as a table to read and as JSON.</summary>
internal static class PeerReport
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Results to add to: those of the folder if they are of the same processor and peer, otherwise none.</summary>
    public static PeerResults Begin(string cpu, string peer, MachineLimits[] limits, string folder)
    {
        var file = Path.Combine(folder, "peer.json");
        var earlier = folder.Length > 0 && File.Exists(file) ? JsonSerializer.Deserialize<PeerResults>(File.ReadAllText(file), Indented) : null;
        if (earlier is null || earlier.Cpu != cpu || earlier.Peer != peer)
            return new PeerResults(cpu, peer, limits, [], []);
        return earlier with { Limits = [.. limits, .. earlier.Limits.Where(old => limits.All(limit => limit.Threads != old.Threads))] };
    }

    public static void Write(PeerResults results, PeerOptions options)
    {
        var table = Table(results);
        Console.WriteLine(table);
        if (options.Results.Length == 0)
            return;
        Directory.CreateDirectory(options.Results);
        File.WriteAllText(Path.Combine(options.Results, "peer.json"), JsonSerializer.Serialize(results, Indented));
        File.WriteAllText(Path.Combine(options.Results, "peer.md"), table);
    }

    private static string Table(PeerResults results)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{results.Cpu}; {results.Peer}; .NET {Environment.Version}");
        foreach (var limits in results.Limits)
            text.AppendLine(CultureInfo.InvariantCulture,
                $"{limits.Threads} threads: read {limits.ReadBytesPerSecond / 1e9:F0} GB/s, fp32 {limits.FloatOperationsPerSecond / 1e9:F0} GFLOP/s, bf16 {limits.BFloat16OperationsPerSecond / 1e9:F0} GFLOP/s, 8 bit {limits.ByteOperationsPerSecond / 1e9:F0} GOP/s");
        foreach (var agreement in results.Agreement)
            text.AppendLine(CultureInfo.InvariantCulture, $"{agreement.Shape} {agreement.Format}: {agreement.Same} of {agreement.Prompts} greedy first tokens are the same");
        text.AppendLine().AppendLine("| model | work | batch | threads | Counterweight, tokens/s: min / median / max | llama.cpp | ratio | share of the limit |").AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var speeds in results.Speeds)
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {speeds.Shape} {speeds.Format} | {speeds.Work} | {speeds.Batch} | {speeds.Threads} | {Spread(speeds.Own)} | {Spread(speeds.Theirs)} | {speeds.Ratio:F2}x | {speeds.ShareOfLimit:P0} |");
        return text.ToString();
    }

    private static string Spread(double[] runs) => string.Create(CultureInfo.InvariantCulture, $"{runs.Min():F0} / {PeerSpeeds.Median(runs):F0} / {runs.Max():F0}");
}
