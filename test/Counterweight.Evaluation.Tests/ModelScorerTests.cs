namespace Counterweight.Evaluation.Tests;

public sealed class ModelScorerTests(PocketModel pocket) : IClassFixture<PocketModel>
{
    [Fact]
    public void Shared_prefixes_change_no_bit_and_are_run_once()
    {
        var requests = RequestsThatBeginAlike(new Random(7));
        using var alone = new ModelScorer(pocket.Model.Model);
        TokenScore[] expected = [.. requests.Select(request => Assert.Single(alone.Score([request])))];
        using var shared = new ModelScorer(pocket.Model.Model) { SharesPrefixes = true };
        var scored = 0L;
        Assert.Equal(expected, shared.Score(requests, count => scored += count));
        Assert.Equal(requests.Sum(request => request.Input.Length), scored);
        Assert.Equal(scored, alone.ComputedTokens);
        Assert.InRange(shared.ComputedTokens, 1, scored / 3);
        Assert.Equal(expected, shared.Score(requests));
    }

    /// <summary>Prompts with several questions, each with several answers, some of them equal, one within another, or scored from the first token.</summary>
    private static List<TokenRequest> RequestsThatBeginAlike(Random random)
    {
        var requests = new List<TokenRequest>();
        for (var prompt = 0; prompt < 6; prompt++)
        {
            var start = Ids(random, 1 + 37 * prompt);
            for (var question = 0; question < 5; question++)
            {
                int[] context = [.. start, .. Ids(random, 1 + 9 * question)];
                var first = Ids(random, 3);
                foreach (var answer in (int[][])[[5], [6], first, [.. first, 7, 8], Ids(random, 12), [.. first, 9]])
                {
                    int[] all = [.. context, .. answer];
                    requests.Add(new TokenRequest(all[..^1], answer));
                }
                requests.Add(new TokenRequest(context[..^1], context[1..]));
            }
        }
        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(requests));
        return requests;
    }

    private static int[] Ids(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(100, 8000))];
}
