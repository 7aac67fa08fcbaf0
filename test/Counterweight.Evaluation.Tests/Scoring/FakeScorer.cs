namespace Counterweight.Evaluation.Tests.Scoring;

/// <summary>Log-likelihoods that depend on the request alone; can fail after a number of calls.</summary>
internal sealed class FakeScorer(int callsBeforeFailure = int.MaxValue) : ITokenScorer
{
    private int _calls;

    public int MaxLength => 1_000_000;

    public int Requests { get; private set; }

    public TokenScore[] Score(IReadOnlyList<TokenRequest> requests, Action<int>? scored = null, CancellationToken cancellation = default)
    {
        if (_calls++ == callsBeforeFailure)
            throw new TimeoutException("the machine went away");
        Requests += requests.Count;
        scored?.Invoke(requests.Sum(request => request.Targets.Length));
        return [.. requests.Select(Score)];
    }

    private static TokenScore Score(TokenRequest request)
    {
        var hash = 17u;
        foreach (var id in (int[])[.. request.Input, .. request.Targets])
            hash = hash * 31 + (uint)id;
        return new TokenScore(-(hash % 10_007 / 7.0 + 0.1), hash % 3 == 0);
    }
}
