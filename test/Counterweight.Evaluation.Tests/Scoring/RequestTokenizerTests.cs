using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;
using CsCheck;

namespace Counterweight.Evaluation.Tests.Scoring;

public sealed class RequestTokenizerTests
{
    private const int Bos = 7;

    [Fact]
    public void White_space_at_the_end_of_the_context_counts_to_the_continuation()
    {
        var request = CharacterTokenizer.Requests().Continuation("ab \n", " c");
        Assert.Equal((2, 4), (request.ContextTokens, request.ContinuationTokens));
        var window = Assert.Single(request.Windows);
        Assert.Equal(("ab \n ", " \n c"), (CharacterTokenizer.Decode(window.Input), CharacterTokenizer.Decode(window.Targets)));
    }

    [Fact]
    public void Context_and_continuation_are_tokenised_together()
    {
        // Pairs of equal letters are one token, so "a" + "ab" is "aa", "b": only "b" is left behind the context's one token.
        var tokenizer = new RequestTokenizer((text, _) => Pairs(text), Bos, "<s>", 100);
        var request = tokenizer.Continuation("xa", "ab");
        Assert.Equal(['x', 'a'], Assert.Single(request.Windows).Input.Select(id => (char)id));
        Assert.Equal(['b'], request.Windows[0].Targets.Select(id => (char)id));
    }

    [Fact]
    public void Continuation_that_vanishes_into_the_context_scores_nothing()
    {
        var tokenizer = new RequestTokenizer((text, _) => Pairs(text), Bos, "<s>", 100);
        var request = tokenizer.Continuation("xa", "a");
        Assert.Equal((2, 0), (request.ContextTokens, request.ContinuationTokens));
        Assert.Empty(request.Windows);
    }

    [Theory]
    [InlineData("ab", new[] { Bos }, new int[] { 'a', 'b' })]
    [InlineData("<s>ab", new[] { Bos }, new int[] { 'a', 'b' })] // an own prefix token becomes the context
    public void Empty_context_is_the_prefix_token(string continuation, int[] context, int[] targets)
    {
        var window = Assert.Single(Special().Continuation("", continuation).Windows);
        Assert.Equal([.. context, .. targets[..^1]], window.Input);
        Assert.Equal(targets, window.Targets);
    }

    [Fact]
    public void Special_tokens_stand_once_in_front_of_the_context()
    {
        Assert.Equal([Bos, 'a', ' '], Assert.Single(Special().Continuation("a", " b").Windows).Input);
        Assert.Equal([Bos, 'a', ' '], Assert.Single(Special().Continuation("<s>a", " b").Windows).Input);
        Assert.Equal([Bos, Bos, 'a'], Assert.Single(Special().Rolling("ab").Windows).Input);
        Assert.Equal([Bos, Bos, 'a'], Assert.Single(Special().Rolling("<s>ab").Windows).Input);
    }

    [Fact]
    public void What_does_not_fit_is_cut_from_the_left_of_the_context()
    {
        var request = CharacterTokenizer.Requests(maxLength: 4).Continuation("abcdef", "xy");
        Assert.Equal((6, 2, 3), (request.ContextTokens, request.ContinuationTokens, request.DroppedTokens));
        Assert.Equal("defx", CharacterTokenizer.Decode(Assert.Single(request.Windows).Input));
    }

    [Fact]
    public void Continuation_may_fill_the_window_but_not_exceed_it()
    {
        var tokenizer = CharacterTokenizer.Requests(maxLength: 4);
        Assert.Equal("bwxy", CharacterTokenizer.Decode(Assert.Single(tokenizer.Continuation("ab", "wxyz").Windows).Input));
        Assert.Equal("5 tokens", Assert.Throws<InvalidInputException>(() => tokenizer.Continuation("ab", "vwxyz")).Found);
    }

    [Fact]
    public void Rolling_windows_predict_every_token_once_after_the_tokens_before_it() =>
        Gen.Select(Gen.Int[0, 200], Gen.Int[1, 40]).Sample((length, maxLength) =>
        {
            int[] ids = [.. Enumerable.Range(1, length)];
            var windows = RollingWindows.Of(ids, prefixToken: 0, maxLength);
            Assert.Equal(ids, windows.SelectMany(window => window.Targets));
            foreach (var window in windows)
            {
                Assert.Equal(Math.Min(maxLength, window.Targets[^1]), window.Input.Length);
                Assert.Equal(window.Input.Select(id => id + 1), window.Input[1..].Append(window.Targets[^1]));
                Assert.Equal(window.Targets, window.Input[^window.Targets.Length..].Select(id => id + 1));
            }
        });

    private static RequestTokenizer Special() => new(
        (text, special) => [.. special ? [Bos] : Array.Empty<int>(), .. text.StartsWith("<s>", StringComparison.Ordinal)
            ? [Bos, .. text[3..].Select(c => (int)c)]
            : text.Select(c => (int)c)],
        Bos, "<s>", 100);

    private static int[] Pairs(string text)
    {
        var ids = new List<int>();
        for (var i = 0; i < text.Length; i++)
        {
            var isPair = i + 1 < text.Length && text[i] == text[i + 1];
            ids.Add(isPair ? text[i] + 1000 : text[i]);
            i += isPair ? 1 : 0;
        }
        return [.. ids];
    }
}
