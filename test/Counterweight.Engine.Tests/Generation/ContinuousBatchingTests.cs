using Counterweight.Balancing;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Tests.Models;

namespace Counterweight.Engine.Tests.Generation;

/// <summary>Whatever comes beside it, whenever it comes and however little room there is: a text's tokens are those of the text alone.</summary>
public class ContinuousBatchingTests
{
    [Theory]
    [InlineData(1, 1, 64)]
    [InlineData(7, 3, 5)]
    [InlineData(64, 8, 9)]
    [InlineData(512, 256, 64)]
    public void TextsThatComeAndGoAreTheSameAsAlone(int tokensPerStep, int sequences, int pages)
    {
        using var test = TestModel.Open();
        var random = new Random(tokensPerStep);
        var requests = Enumerable.Range(0, 14).Select(i => Request(test, random.Next(1, 180), i, random.Next(1, 60))).ToArray();
        var options = new SessionOptions { TokensPerStep = tokensPerStep, MaxSequences = sequences, CacheBytes = pages * test.Model.KvPages.Layout.PageBytes };
        using var session = new GenerationSession(test.Model, [], options);
        var texts = Run(session, requests, step => step % 3 == 0);
        Assert.All(requests, (request, i) => Assert.Equal(Alone(test, request), texts[i]));
    }

    [Fact]
    public void ATextGivesUpItsPagesAndGoesOnLater()
    {
        using var test = TestModel.Open();
        var requests = Enumerable.Range(0, 6).Select(i => Request(test, 60, i, 150)).ToArray();
        using var session = new GenerationSession(test.Model, [], new SessionOptions { CacheBytes = 7 * test.Model.KvPages.Layout.PageBytes });
        var texts = Run(session, requests, _ => true);
        Assert.True(session.Preemptions > 0);
        Assert.All(requests, (request, i) => Assert.Equal(Alone(test, request), texts[i]));
    }

    [Fact]
    public void PromptsThatBeginAlikeAreComputedOnce()
    {
        using var test = TestModel.Open();
        var shared = test.Tokens(150, 1);
        var requests = Enumerable.Range(0, 4).Select(i => new GenerationRequest([.. shared, .. test.Tokens(20, 50 + i)], 10, SamplingOptions.Greedy, IgnoreEnd: true)).ToArray();
        using var session = new GenerationSession(test.Model, []);
        foreach (var request in requests)
            Assert.Equal(Alone(test, request), Run(session, [request], _ => true)[0]);
        Assert.Equal(3 * 128, session.TokensReused);
    }

    [Fact]
    public void ATurnOfAConversationReusesTheWholeTurnBefore()
    {
        using var test = TestModel.Open();
        using var session = new GenerationSession(test.Model, []);
        var first = Request(test, 100, 1, 60);
        var answer = Run(session, [first], _ => true)[0];
        var second = new GenerationRequest([.. first.Prompt, .. answer, .. test.Tokens(5, 9)], 12, SamplingOptions.Greedy, IgnoreEnd: true);
        Assert.Equal(Alone(test, second), Run(session, [second], _ => true)[0]);
        Assert.Equal(128, session.TokensReused);
    }

    [Fact]
    public void PrefixesAreForgottenWhereTheyAreSwitchedOffOrRoomIsNeeded()
    {
        using var test = TestModel.Open();
        var requests = Enumerable.Range(0, 5).Select(i => Request(test, 130, i, 5)).ToArray();
        foreach (var options in (SessionOptions[])[new() { ReusePrefixes = false }, new() { CacheBytes = 3 * test.Model.KvPages.Layout.PageBytes }])
        {
            using var session = new GenerationSession(test.Model, [], options);
            foreach (var request in (GenerationRequest[])[.. requests, .. requests])
                Assert.Equal(Alone(test, request), Run(session, [request], _ => true)[0]);
            Assert.Equal(0, session.TokensReused);
        }
    }

    [Fact]
    public void ALongPromptDoesNotHoldUpARunningText()
    {
        using var test = TestModel.Open(TinyModel.Default with { MaxPositions = 1100 });
        using var session = new GenerationSession(test.Model, [Request(test, 5, 1, 100)], new SessionOptions { TokensPerStep = 50 });
        var tokens = new List<GeneratedToken>();
        session.Step(tokens);
        session.Add(Request(test, 1000, 2, 3));
        for (var step = 0; step < 20; step++, tokens.Clear())
        {
            session.Step(tokens);
            Assert.Contains(tokens, token => token.Request == 0);
        }
        // 49 prompt tokens fit beside the running text's one.
        session.Step(tokens);
        Assert.Contains(tokens, token => token.Request == 1);
    }

    [Fact]
    public void RequestsAreBegunInTheOrderTheyCame()
    {
        using var test = TestModel.Open();
        using var session = new GenerationSession(test.Model, [], new SessionOptions { TokensPerStep = 40, MaxSequences = 2 });
        var begun = new List<int>();
        for (var i = 0; i < 6; i++)
            session.Add(Request(test, i % 2 == 0 ? 120 : 3, i, 9));
        for (var tokens = new List<GeneratedToken>(); !session.Done; tokens.Clear())
        {
            session.Step(tokens);
            Assert.InRange(session.Running, 0, 2);
            begun.AddRange(tokens.Select(token => token.Request).Except(begun).Order());
        }
        Assert.Equal([0, 1, 2, 3, 4, 5], begun.Order());
        Assert.True(begun.IndexOf(4) > begun.IndexOf(1) && begun.IndexOf(5) > begun.IndexOf(2));
    }

    [Fact]
    public void EndedTextsGiveTheirPagesBack()
    {
        using var test = TestModel.Open();
        using (var session = new GenerationSession(test.Model, [Request(test, 100, 1, 50), Request(test, 100, 2, 50), Request(test, 90, 3, 50)], new SessionOptions { MaxSequences = 2, ReusePrefixes = false }))
        {
            session.Step([]);
            Assert.Equal((2, 1), (session.Running, session.Waiting));
            session.End(0);
            session.End(2);
            session.End(2);
            Assert.Equal((1, 0, 2), (session.Running, session.Waiting, test.Model.KvPages.PagesInUse));
            var tokens = new List<GeneratedToken>();
            session.Step(tokens);
            Assert.Equal([1], tokens.Select(token => token.Request));
        }
        Assert.Equal(0, test.Model.KvPages.PagesInUse);
    }

    [Fact]
    public void ATextThatCanNeverFitIsRefused()
    {
        using var test = TestModel.Open();
        using var session = new GenerationSession(test.Model, [], new SessionOptions { CacheBytes = 2 * test.Model.KvPages.Layout.PageBytes });
        session.Add(Request(test, 100, 1, 28));
        var e = Assert.Throws<InvalidInputException>(() => session.Add(Request(test, 100, 1, 29)));
        Assert.Equal(("prompt 1", "129 tokens with those to come"), (e.Where, e.Found));
        Assert.Throws<InvalidInputException>(() => new GenerationSession(test.Model, [], new SessionOptions { TokensPerStep = 0 }));
    }

    private static GenerationRequest Request(TestModel test, int length, int seed, int tokens) => new(
        test.Tokens(length, seed), tokens, new SamplingOptions { Seed = (ulong)seed, TopK = 1 + seed % 5, Temperature = 1 }, IgnoreEnd: seed % 4 != 0);

    private static List<int> Alone(TestModel test, GenerationRequest request)
    {
        using var session = new GenerationSession(test.Model, [request], new SessionOptions { ReusePrefixes = false });
        return Run(session, [], _ => false)[0];
    }

    /// <summary>Runs to the end; a request is added before each step that <paramref name="comes"/> names. Texts in the order of their numbers.</summary>
    private static List<List<int>> Run(GenerationSession session, GenerationRequest[] requests, Predicate<int> comes)
    {
        var added = 0;
        var texts = new SortedDictionary<int, List<int>>();
        var tokens = new List<GeneratedToken>();
        for (var step = 0; !session.Done || added < requests.Length; step++, tokens.Clear())
        {
            if (added < requests.Length && (comes(step) || session.Done))
                session.Add(requests[added++]);
            session.Step(tokens);
            foreach (var token in tokens)
                (texts.TryGetValue(token.Request, out var text) ? text : texts[token.Request] = []).Add(token.Token);
        }
        return [.. texts.Values];
    }
}
