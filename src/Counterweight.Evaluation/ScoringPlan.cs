using Counterweight.Engine.Layers;

namespace Counterweight.Evaluation;

/// <summary>A log-probability to read from a row of logits.</summary>
/// <param name="Position">The row's position in its input.</param>
/// <param name="Target">The id that should follow.</param>
/// <param name="Place">Where the log-probability goes.</param>
internal readonly record struct TargetRead(int Position, int Target, int Place);

/// <summary>A distinct input of a call: its ids from <see cref="Start"/> on are run, those before are taken from <see cref="Source"/>, which begins alike.</summary>
internal sealed class PlannedInput(int[] ids, int start, PlannedInput? source)
{
    public int[] Ids => ids;

    public int Start => start;

    public PlannedInput? Source => source;

    /// <summary>What its first request wants to follow: the last ids but for the very last.</summary>
    public int[] Targets { get; init; } = [];

    /// <summary>Inputs that have to be run before it.</summary>
    public int Level { get; } = source is null ? 0 : source.Level + 1;

    /// <summary>Requests with exactly this input.</summary>
    public int Requests { get; set; }

    /// <summary>Inputs that still have to take their beginning from this one.</summary>
    public int Dependents { get; set; }

    /// <summary>What is read from its own rows.</summary>
    public List<TargetRead> Reads { get; } = [];

    /// <summary>Its keys and values, while they are needed.</summary>
    public KvSequence? Cache { get; set; }

    public ReadOnlySpan<int> OwnIds => ids.AsSpan(start);
}

/// <summary>
/// Which rows are run for a call's requests, and when. With sharing, equal inputs are run once and inputs that begin alike run their common beginning once: sorted, an
/// input takes what it shares with the one before from the last input that ran that far.
/// </summary>
internal static class ScoringPlan
{
    /// <summary>Fewer common tokens are not worth a copy.</summary>
    private const int MinShared = 4;

    /// <summary>Passes whose inputs may share: what their keys and values take stays bounded.</summary>
    private const int PassesPerSegment = 4;

    /// <summary>The inputs of each pass. A request's targets get the places from its entry in <paramref name="places"/> on.</summary>
    public static IEnumerable<List<PlannedInput>> Passes(IReadOnlyList<TokenRequest> requests, int[] places, bool share, int tokensPerPass) =>
        Segments(requests, places, share, tokensPerPass * PassesPerSegment)
            .SelectMany(segment => segment.GroupBy(input => input.Level).OrderBy(level => level.Key))
            .SelectMany(level => Fill(level, tokensPerPass));

    private static IEnumerable<List<PlannedInput>> Segments(IReadOnlyList<TokenRequest> requests, int[] places, bool share, int tokensPerSegment)
    {
        var segment = new List<PlannedInput>();
        var tokens = 0;
        foreach (var i in share ? Alphabetically(requests) : Enumerable.Range(0, requests.Count))
        {
            if (share && tokens >= tokensPerSegment)
            {
                yield return segment;
                (segment, tokens) = ([], 0);
            }
            var last = segment.Count > 0 ? segment[^1] : null;
            var input = share && last is not null ? After(last, requests[i]) : Alone(requests[i]);
            if (input != last)
            {
                segment.Add(input);
                tokens += input.OwnIds.Length;
            }
            input.Requests++;
            AddReads(input, requests[i].Targets, places[i]);
        }
        yield return segment;
    }

    private static int[] Alphabetically(IReadOnlyList<TokenRequest> requests)
    {
        var order = Enumerable.Range(0, requests.Count).ToArray();
        Array.Sort(order, (a, b) => requests[a].Input.AsSpan().SequenceCompareTo(requests[b].Input) is not 0 and var difference ? difference : a.CompareTo(b));
        return order;
    }

    private static PlannedInput Alone(TokenRequest request) => new(request.Input, 0, null) { Targets = request.Targets };

    private static PlannedInput After(PlannedInput last, TokenRequest request)
    {
        var ids = request.Input;
        var shared = last.Ids.AsSpan().CommonPrefixLength(ids);
        if (shared == ids.Length)
            return last; // sorted, so it is the same input
        if (shared < MinShared)
            return Alone(request);
        var source = last;
        while (source.Start >= shared)
            source = source.Source!;
        source.Dependents++;
        return new PlannedInput(ids, shared, source);
    }

    private static void AddReads(PlannedInput input, int[] targets, int place)
    {
        var first = input.Ids.Length - targets.Length;
        for (var t = targets.Length - 1; t >= 0; t--)
        {
            var position = first + t;
            while (position < input.Start)
                input = input.Source!;
            input.Reads.Add(new TargetRead(position, targets[t], place + t));
        }
    }

    private static IEnumerable<List<PlannedInput>> Fill(IEnumerable<PlannedInput> inputs, int tokensPerPass)
    {
        var pass = new List<PlannedInput>();
        var tokens = 0;
        foreach (var input in inputs.OrderByDescending(input => input.OwnIds.Length))
        {
            if (pass.Count > 0 && tokens + input.OwnIds.Length > tokensPerPass)
            {
                yield return pass;
                (pass, tokens) = ([], 0);
            }
            pass.Add(input);
            tokens += input.OwnIds.Length;
        }
        if (pass.Count > 0)
            yield return pass;
    }
}
