namespace Counterweight.Bench.Peer;

/// <summary>What both engines do.</summary>
/// <param name="PromptTokens">Tokens of the one prompt that prefill is timed on.</param>
/// <param name="PromptRuns">How often a process reads it, after once untimed: a pass of some tens of milliseconds is over before a processor that idled is at its speed.</param>
/// <param name="DecodePromptTokens">Tokens that stand before decoded ones, as in the <c>bench</c> verb.</param>
/// <param name="DecodeTokens">Tokens that each sequence gets.</param>
/// <param name="Batches">Sequences at once.</param>
internal sealed record PeerWork(int PromptTokens, int PromptRuns, int DecodePromptTokens, int DecodeTokens, IReadOnlyList<int> Batches)
{
    public static readonly PeerWork Default = new(512, 5, 32, 64, [1, 8, 32]);
}

/// <summary>What is run, from the command line.</summary>
/// <param name="Shapes">Names of <see cref="PeerModel"/>s.</param>
/// <param name="Formats">Names of <see cref="BlockFormat"/>s.</param>
/// <param name="Threads">Thread counts.</param>
/// <param name="Runs">Runs of each engine, in turns.</param>
/// <param name="Models">Folder of the model files, which are made where they are missing.</param>
/// <param name="Results">Folder that gets <c>peer.json</c> and <c>peer.md</c>.</param>
internal sealed record PeerOptions(string[] Shapes, string[] Formats, int[] Threads, int Runs, string Models, string Results)
{
    public static PeerOptions Parse(ReadOnlySpan<string> arguments)
    {
        var options = new PeerOptions(["A", "B"], ["q8_0", "q4_0", "bf16"], [1, 2], 5, Path.Combine(Path.GetTempPath(), "counterweight-peer"), "");
        for (var i = 0; i < arguments.Length; i += 2)
        {
            var value = i + 1 < arguments.Length ? arguments[i + 1] : throw new ArgumentException($"{arguments[i]}: found nothing after it, expected a value");
            options = arguments[i] switch
            {
                "--shapes" => options with { Shapes = value.Split(',') },
                "--formats" => options with { Formats = value.Split(',') },
                "--threads" => options with { Threads = [.. value.Split(',').Select(int.Parse)] },
                "--runs" => options with { Runs = int.Parse(value, System.Globalization.CultureInfo.InvariantCulture) },
                "--models" => options with { Models = value },
                "--results" => options with { Results = value },
                _ => throw new ArgumentException($"found {arguments[i]}, expected --shapes, --formats, --threads, --runs, --models or --results"),
            };
        }
        return options;
    }
}
