using System.Text.Json;
using Counterweight.Engine.Tokenization;
using CsCheck;

namespace Counterweight.Tests.Tokenization;

/// <summary>Vocabularies with tokens that no merge makes, or that merging never reaches.</summary>
public class BytePairModelTests
{
    /// <summary><c>bc</c> is merged before <c>ab</c>, so <c>abc</c> is never reached by merging; <c>aab</c> has no merge at all.</summary>
    [Theory]
    [InlineData(false, "abc", "a|bc")]
    [InlineData(true, "abc", "abc")]
    [InlineData(false, "aab", "a|ab")]
    [InlineData(true, "aab", "aab")]
    [InlineData(false, "abcaab", "a|bc|a|ab")]
    [InlineData(true, "abcaab", "a|bc|a|ab")]
    [InlineData(true, "ab", "ab")]
    public void A_token_that_merging_never_makes_comes_out_as_a_whole_word_alone(bool ignoreMerges, string word, string tokens)
    {
        var tokenizer = Of(["a", "b", "c", "ab", "bc", "abc", "aab"], [("b", "c"), ("a", "b"), ("ab", "c")], ignoreMerges);
        Assert.Equal(tokens, string.Join('|', tokenizer.Encode(word).Select(tokenizer.TokenOf)));
    }

    [Fact]
    public void A_token_that_merging_never_makes_is_decoded()
    {
        var tokenizer = Of(["a", "b", "aab"], [], ignoreMerges: false);
        Assert.Equal("baab", tokenizer.Decode([1, 2]));
    }

    [Fact]
    public void Words_have_the_tokens_of_the_definition_whatever_tokens_lack_merges()
    {
        var strings = Gen.Int[0, 2].Select(code => (char)('a' + code)).Array[1, 4].Select(letters => new string(letters));
        Gen.Select(strings.Array[1, 12], strings.Array[0, 4], Gen.Bool, strings.Array[1, 12], Gen.Int).Sample((made, unmade, ignoreMerges, parts, order) =>
        {
            var merges = made.Where(token => token.Length > 1).Distinct()
                .SelectMany(token => Enumerable.Range(1, token.Length - 1).Select(left => (Left: token[..left], Right: token[left..]))).ToArray();
            new Random(order).Shuffle(merges);
            string[] tokens = [.. merges.SelectMany(pair => new[] { pair.Left, pair.Right, pair.Left + pair.Right }).Concat(unmade).Concat(["a", "b", "c"]).Distinct()];
            var tokenizer = Of(tokens, merges, ignoreMerges);
            var ranks = merges.Select((pair, rank) => (pair, rank)).ToDictionary(entry => entry.pair, entry => entry.rank);
            foreach (var word in parts.Append(string.Concat(parts)))
            {
                var expected = ignoreMerges && tokens.Contains(word) ? [word] : BytePairDefinition.Merge(word.Select(letter => $"{letter}"), ranks);
                Assert.Equal(expected, tokenizer.Encode(word).Select(tokenizer.TokenOf));
            }
        }, iter: 300);
    }

    private static Tokenizer Of(string[] tokens, (string Left, string Right)[] merges, bool ignoreMerges) => TinyTokenizer.FromJson(JsonSerializer.Serialize(new
    {
        decoder = new { type = "Fuse" },
        model = new
        {
            type = "BPE",
            ignore_merges = ignoreMerges,
            vocab = tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id),
            merges = merges.Select(pair => new[] { pair.Left, pair.Right }),
        },
    }));
}
