using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Tests.Models;

namespace Counterweight.Engine.Tests.Generation;

public class GenerationSessionTests
{
    [Fact]
    public void GreedyIsTheArgmaxOfAFullPassEachTime()
    {
        using var test = TestModel.Open();
        var prompt = test.Tokens(9, 1);
        var text = prompt.ToList();
        foreach (var token in Generate(test, [new(prompt, 12, SamplingOptions.Greedy, IgnoreEnd: true)])[0])
        {
            var logits = test.Logits([[.. text]])[0].AsSpan(^test.Model.Shape.Vocabulary..);
            Assert.Equal(System.Numerics.Tensors.TensorPrimitives.IndexOfMax<float>(logits), token);
            text.Add(token);
        }
        Assert.Equal(prompt.Length + 12, text.Count);
    }

    [Fact]
    public void RequestsDoNotDisturbEachOther()
    {
        using var test = TestModel.Open();
        var requests = Enumerable.Range(0, 7).Select(i => new GenerationRequest(
            test.Tokens(1 + i * 11, i), 5 + 3 * i, new SamplingOptions { Seed = (ulong)i, TopK = i, RepetitionPenalty = 1 + i * 0.1 })).ToArray();
        var together = Generate(test, requests);
        for (var i = 0; i < requests.Length; i++)
            Assert.Equal(Generate(test, [requests[i]])[0], together[i]);
    }

    [Fact]
    public void TheSameSeedGivesTheSameTextUnderReplicasToo()
    {
        using var test = TestModel.Open();
        GenerationRequest[] requests = [new(test.Tokens(20, 1), 40, new SamplingOptions { Seed = 5 }, IgnoreEnd: true), new(test.Tokens(3, 2), 30, SamplingOptions.Greedy)];
        var expected = Generate(test, requests);
        Assert.Equal(expected, Generate(test, requests));
        test.Load(test.Replicated(4, 3, Precision.Bf16), "least-loaded");
        Assert.Equal(expected, Generate(test, requests));
    }

    [Fact]
    public void ARequestThatIsEndedGetsNoMoreTokensAndDisturbsNobody()
    {
        using var test = TestModel.Open();
        GenerationRequest[] requests = [new(test.Tokens(5, 1), 10, SamplingOptions.Greedy, IgnoreEnd: true), new(test.Tokens(7, 2), 10, SamplingOptions.Greedy, IgnoreEnd: true)];
        var whole = Generate(test, requests);
        using var session = new GenerationSession(test.Model, requests);
        var tokens = new List<GeneratedToken>();
        while (!session.Done)
        {
            session.Step(tokens);
            if (tokens.Count == 6)
                session.End(0);
            session.End(7); // no such request is running
        }
        Assert.Equal(whole[0][..3], tokens.Where(token => token.Request == 0).Select(token => token.Token));
        Assert.Equal(whole[1], tokens.Where(token => token.Request == 1).Select(token => token.Token));
    }

    [Fact]
    public void EndsAtAnEndTokenAndHandsItOut()
    {
        using var test = TestModel.Open();
        var requests = Enumerable.Range(0, 20).Select(i => new GenerationRequest(test.Tokens(4, i), 400, new SamplingOptions { Seed = (ulong)i })).ToArray();
        var end = test.Model.Shape.EosTokens.Single();
        var (texts, reasons) = GenerateWithReasons(test, requests);
        Assert.Contains(FinishReason.Stop, reasons);
        for (var i = 0; i < requests.Length; i++)
        {
            Assert.DoesNotContain(end, texts[i][..^1]);
            Assert.Equal(reasons[i] == FinishReason.Stop, texts[i][^1] == end);
            if (reasons[i] == FinishReason.Length)
                Assert.Equal(test.Model.Shape.MaxPositions, requests[i].Prompt.Length + texts[i].Count);
        }
    }

    [Fact]
    public void IgnoringTheEndGoesOnToTheLimits()
    {
        using var test = TestModel.Open(TinyModel.Default with { MaxPositions = 40 });
        var (texts, reasons) = GenerateWithReasons(test,
            [new(test.Tokens(4, 1), 12, new SamplingOptions(), IgnoreEnd: true), new(test.Tokens(39, 2), 12, new SamplingOptions(), IgnoreEnd: true), new(test.Tokens(30, 3), 99, new SamplingOptions(), IgnoreEnd: true)]);
        Assert.Equal([12, 1, 10], texts.Select(text => text.Count));
        Assert.All(reasons, reason => Assert.Equal(FinishReason.Length, reason));
    }

    [Fact]
    public async Task CancellationEndsTheStream()
    {
        using var test = TestModel.Open();
        using var cancel = new CancellationTokenSource();
        using (var session = new GenerationSession(test.Model, [new(test.Tokens(4, 1), 100, SamplingOptions.Greedy, true), new(test.Tokens(9, 1), 100, SamplingOptions.Greedy, true)]))
        {
            var seen = 0;
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            {
                await foreach (var _ in session.RunAsync(cancel.Token))
                    if (++seen == 6)
                        cancel.Cancel();
            });
            Assert.Equal(6, seen);
        }
        Assert.Equal(3, Generate(test, [new(test.Tokens(4, 1), 3, SamplingOptions.Greedy, true)])[0].Count);
    }

    [Fact]
    public async Task TheStreamIsTheSteps()
    {
        using var test = TestModel.Open();
        GenerationRequest[] requests = [new(test.Tokens(4, 1), 9, new SamplingOptions()), new(test.Tokens(6, 2), 7, new SamplingOptions())];
        var texts = requests.Select(_ => new List<int>()).ToArray();
        using var session = new GenerationSession(test.Model, requests);
        await foreach (var token in session.RunAsync(TestContext.Current.CancellationToken))
            texts[token.Request].Add(token.Token);
        Assert.Equal(Generate(test, requests), texts);
        Assert.True(session.Done);
    }

    [Theory]
    [InlineData(0, 1, 5, "prompt 1", "0 tokens")]
    [InlineData(256, 1, 5, "prompt 1", "256 tokens")]
    [InlineData(4, 50, 5, "prompt 1", "token id 50")]
    [InlineData(4, -1, 5, "prompt 1", "token id -1")]
    [InlineData(4, 1, 0, "--max-tokens", "0")]
    public void ImpossibleRequestsAreNamed(int length, int token, int maxTokens, string where, string found)
    {
        using var test = TestModel.Open();
        var bad = new GenerationRequest([.. Enumerable.Repeat(token, length)], maxTokens, SamplingOptions.Greedy);
        var e = Assert.Throws<InvalidInputException>(() => new GenerationSession(test.Model, [new([1], 1, SamplingOptions.Greedy), bad]));
        Assert.Equal((where, found), (e.Where, e.Found));
    }

    [Fact]
    public void ASessionWithoutRequestsIsDone()
    {
        using var test = TestModel.Open();
        using var session = new GenerationSession(test.Model, []);
        Assert.True(session.Done);
    }

    private static List<int>[] Generate(TestModel test, GenerationRequest[] requests) => GenerateWithReasons(test, requests).Texts;

    private static (List<int>[] Texts, FinishReason[] Reasons) GenerateWithReasons(TestModel test, GenerationRequest[] requests)
    {
        var texts = requests.Select(_ => new List<int>()).ToArray();
        var reasons = new FinishReason[requests.Length];
        using var session = new GenerationSession(test.Model, requests);
        for (var tokens = new List<GeneratedToken>(); !session.Done; tokens.Clear())
        {
            session.Step(tokens);
            foreach (var token in tokens)
            {
                Assert.Equal(FinishReason.None, reasons[token.Request]);
                texts[token.Request].Add(token.Token);
                reasons[token.Request] = token.Finish;
            }
        }
        return (texts, reasons);
    }
}
