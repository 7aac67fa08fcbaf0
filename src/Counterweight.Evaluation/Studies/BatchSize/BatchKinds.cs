using Counterweight.Evaluation.Routing;

namespace Counterweight.Evaluation.Studies.BatchSize;

/// <summary>A run of tokens of one sequence that goes into a batch as a whole.</summary>
internal readonly record struct TokenRun(int Sequence, int First, int Tokens);

/// <summary>A way of putting batches together.</summary>
/// <param name="Phase"><c>prefill</c> or <c>decode</c>.</param>
/// <param name="Unit">What is counted as the batch size: <c>tokens</c> or <c>sequences</c>.</param>
/// <param name="Padded">Whether shorter sequences are filled up to the longest of the batch and the filling is counted.</param>
internal sealed record BatchKind(string Phase, string Unit, bool Padded)
{
    public static IReadOnlyList<BatchKind> All { get; } =
    [
        new("prefill", "tokens", false), new("prefill", "sequences", false), new("prefill", "sequences", true), new("decode", "sequences", false),
    ];

    public string Name => $"{Phase}, {Unit}{(Padded ? ", padding counted" : "")}";

    public string FileName => $"{Phase}-{Unit}{(Padded ? "-padded" : "")}";
}

/// <summary>Puts the prompts of a domain together into batches, each token at most once.</summary>
/// <param name="lengths">Tokens of each prompt.</param>
/// <param name="decoded">Tokens that each prompt is continued by.</param>
internal sealed class BatchMaker(IReadOnlyList<int> lengths, int decoded)
{
    /// <summary>The batches of one size.</summary>
    /// <param name="kind">How.</param>
    /// <param name="sequences">The domain's sequences.</param>
    /// <param name="size">Batch size in the kind's unit.</param>
    /// <param name="random">Draws who shares a batch.</param>
    public List<TokenRun[]> Make(BatchKind kind, IReadOnlyList<int> sequences, int size, Random random) => kind switch
    {
        { Unit: "tokens" } => Groups(sequences.SelectMany(s => Enumerable.Range(0, lengths[s]).Select(token => new TokenRun(s, token, 1))), size, random),
        { Phase: "decode" } => [.. Groups(sequences, size, random).SelectMany(group =>
            Enumerable.Range(0, decoded).Select(step => Array.ConvertAll(group, s => new TokenRun(s, lengths[s] + step, 1))))],
        { Padded: true } => [.. Groups(sequences, size, random).Select(group =>
        {
            var longest = group.Max(s => lengths[s]);
            return Array.ConvertAll(group, s => new TokenRun(s, 0, longest));
        })],
        _ => [.. Groups(sequences, size, random).Select(group => Array.ConvertAll(group, s => new TokenRun(s, 0, lengths[s])))],
    };

    /// <summary>All real tokens of sequences in a phase.</summary>
    public IEnumerable<TokenRun> All(BatchKind kind, IReadOnlyList<int> sequences) => sequences.Select(s =>
        kind.Phase == "decode" ? new TokenRun(s, lengths[s], decoded) : new TokenRun(s, 0, lengths[s]));

    /// <summary>LIS of a batch in a layer.</summary>
    public static double Lis(RoutedSequences routed, int layer, TokenRun[] batch, long[] counts)
    {
        Array.Clear(counts);
        foreach (var run in batch)
            foreach (var expert in routed.Of(layer, run.Sequence, run.First, run.Tokens))
                counts[expert]++;
        return Balancing.Loads.LoadImbalance.MaxOverMean<long>(counts);
    }

    private static List<T[]> Groups<T>(IEnumerable<T> items, int size, Random random)
    {
        var order = items.ToArray();
        random.Shuffle(order);
        return [.. order.Chunk(size).Where(group => group.Length == size)];
    }
}
