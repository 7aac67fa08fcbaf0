namespace Counterweight.Evaluation.Tests;

/// <summary>Answers each request with the log-likelihood that the reference recorded for it.</summary>
internal sealed class RecordedScorer : ITokenScorer
{
    private readonly Dictionary<string, TokenScore> _scores = [];

    public RecordedScorer(IEnumerable<GoldenRow> rows)
    {
        foreach (var row in rows)
            foreach (var (request, (context, continuation)) in row.Requests.Zip(row.Texts))
            {
                var asked = context is null
                    ? CharacterTokenizer.Requests().Rolling(continuation)
                    : CharacterTokenizer.Requests().Continuation(context, continuation);
                _scores[Key(Assert.Single(asked.Windows))] =
                    new TokenScore((double)request["loglikelihood"]!, (bool?)request["greedy"] ?? false);
            }
    }

    public int MaxLength => 1_000_000;

    public TokenScore[] Score(IReadOnlyList<TokenRequest> requests, Action<int>? scored = null, CancellationToken cancellation = default) =>
        [.. requests.Select(request => _scores[Key(request)])];

    private static string Key(TokenRequest request) =>
        $"{CharacterTokenizer.Decode(request.Input)}\uffff{CharacterTokenizer.Decode(request.Targets)}";
}
