namespace Counterweight.Evaluation.Tests;

public sealed class ModelGeneratorTests(PocketModel pocket) : IClassFixture<PocketModel>
{
    private const int MaxTokens = 24;
    private static readonly string[] Prompts = ["Once upon a time", "def add(a, b):", "Question: What is 3 + 4?\nAnswer:", "The"];

    [Fact]
    public void Answers_are_the_most_probable_tokens_whatever_runs_beside_them()
    {
        GenerateRequest[] requests = [.. Prompts.Select(prompt => new GenerateRequest(Ids(prompt), [], MaxTokens))];
        var generator = new ModelGenerator(pocket.Model);
        var together = generator.Generate(requests);
        Assert.Equal(together, requests.Select(request => Assert.Single(generator.Generate([request]))));
        using var scorer = new ModelScorer(pocket.Model.Model);
        foreach (var (prompt, text) in Prompts.Zip(together))
        {
            Assert.NotEmpty(text);
            // Scored instead of written, each token of the answer is the most probable one.
            int[] whole = [.. Ids(prompt), .. Ids(text)];
            if (pocket.Model.Tokenizer.Decode(whole) == prompt + text && Ids(prompt + text).SequenceEqual(whole))
                Assert.True(Assert.Single(scorer.Score([new TokenRequest(whole[..^1], whole[^Ids(text).Length..])])).Greedy, prompt);
        }
    }

    [Fact]
    public void Text_ends_before_the_first_stop_string()
    {
        var generator = new ModelGenerator(pocket.Model);
        var whole = Assert.Single(generator.Generate([new GenerateRequest(Ids(Prompts[0]), [], MaxTokens)]));
        var (early, late) = (whole[5..8], whole[^4..]);
        var steps = 0;
        var cut = Assert.Single(generator.Generate([new GenerateRequest(Ids(Prompts[0]), [late, early], MaxTokens)], _ => steps++));
        Assert.Equal(whole[..whole.IndexOf(early, StringComparison.Ordinal)], cut);
        Assert.InRange(steps, 2, MaxTokens); // the prompt and fewer than all tokens
    }

    private int[] Ids(string text) => pocket.Model.Tokenizer.Encode(text);
}
