using Counterweight.Evaluation.Tasks.Metrics;

namespace Counterweight.Evaluation.Tests.Tasks.Metrics;

public sealed class BleuTests
{
    [Fact]
    public void Equal_texts_have_100() => Assert.Equal(100, Bleu.Of("The sky is blue today.", "The sky is blue today."), 1e-9);

    [Fact]
    public void Precisions_brevity_and_smoothing_are_as_computed_by_hand()
    {
        // 5 words of 7: 1-grams 5/5, 2-grams 3/4, 3-grams 1/3 ("on the mat"), no 4-gram of 2: half of a half, brevity exp(1 - 7/5).
        var expected = Math.Exp(1 - 7 / 5.0) * Math.Pow(100.0 * 75 * (100 / 3.0) * (100 / (2 * 2.0)), 0.25);
        Assert.Equal(expected, Bleu.Of("the cat sat down on the mat", "the cat on the mat"), 1e-9);
        // Every order without a match halves once more.
        Assert.Equal(Math.Pow(50 * (100 / (2 * 3.0)) * (100 / (4 * 2.0)) * (100 / (8 * 1.0)), 0.25), Bleu.Of("a b c d", "a x c y"), 1e-9);
    }

    [Theory]
    [InlineData("a b c", "a b c")] // no 4-gram
    [InlineData("a b c d", "w x y z")]
    [InlineData("a b c d", "")]
    public void Nothing_to_count_is_0(string reference, string text) => Assert.Equal(0, Bleu.Of(reference, text));

    [Theory]
    [InlineData("Hello, world!", "Hello , world !")]
    [InlineData("costs 1,000.50 (net)", "costs 1,000.50 ( net )")]
    [InlineData("in 1999.", "in 1999.")] // mteval leaves the point at a final number
    [InlineData("in 1999. Then", "in 1999 . Then")]
    [InlineData("a+b=c €5", "a + b = c € 5")]
    [InlineData("well-known 'x'", "well - known ' x '")]
    [InlineData("tea \U0001F600ok", "tea \U0001F600 ok")]
    [InlineData("a...b", "a . . . b")]
    [InlineData("  tabs\tand\u00a0spaces \n", "tabs and spaces")]
    public void Words_are_those_of_mteval_v14(string text, string words) => Assert.Equal(words, string.Join(' ', Bleu.Tokenize(text)));
}
