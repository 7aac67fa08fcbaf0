using Counterweight.Evaluation.Tasks.Metrics;
using CsCheck;

namespace Counterweight.Evaluation.Tests.Tasks.Metrics;

public sealed class RougeTests
{
    [Fact]
    public void Overlaps_are_as_computed_by_hand()
    {
        const string Reference = "The cat sat on the mat.";
        const string Text = "the dog: on the mat the";
        // 1-grams: the, the, on, mat of 6 and 6; 2-grams: "on the", "the mat" of 5 and 5.
        Assert.Equal(100 * 4 / 6.0, Rouge.OfNGrams(Reference, Text, 1), 1e-9);
        Assert.Equal(100 * 2 / 5.0, Rouge.OfNGrams(Reference, Text, 2), 1e-9);
        // the … on the mat
        Assert.Equal(100 * 4 / 6.0, Rouge.OfSubsequences(Reference, Text), 1e-9);
        Assert.Equal(0, Rouge.OfNGrams(Reference, "", 1));
        Assert.Equal(0, Rouge.OfSubsequences("...", Text));
    }

    [Fact]
    public void Subsequences_of_sentences_are_united()
    {
        // Lin 2004, section 3.2: w1 w2 from the first and w1 w3 w5 from the second sentence: 4 of 5, and of 10 words of the text.
        var (recall, precision) = (4 / 5.0, 4 / 10.0);
        Assert.Equal(100 * 2 * recall * precision / (recall + precision), Rouge.OfSubsequences("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5"), 1e-9);
        Assert.Equal(Rouge.OfSubsequences("a b", "a.\nb"), Rouge.OfSubsequences("a b", "a . b"), 1e-9);
    }

    [Fact]
    public void One_sentence_has_the_length_of_a_longest_common_subsequence() =>
        Gen.Select(Gen.Int[0, 3].Array[1, 7], Gen.Int[0, 3].Array[1, 7]).Sample((a, b) =>
        {
            var length = Longest(a, b);
            var expected = length == 0 ? 0 : 100 * 2.0 * length / (a.Length + b.Length);
            return Math.Abs(expected - Rouge.OfSubsequences(string.Join(' ', a), string.Join(' ', b))) < 1e-9;
        });

    /// <summary>By trying all subsequences.</summary>
    private static int Longest(ReadOnlySpan<int> a, ReadOnlySpan<int> b)
    {
        if (a.IsEmpty || b.IsEmpty)
            return 0;
        return a[0] == b[0] ? 1 + Longest(a[1..], b[1..]) : Math.Max(Longest(a[1..], b), Longest(a, b[1..]));
    }
}
