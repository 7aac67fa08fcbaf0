using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Tests.Tokenization;

/// <summary>Tokenizers with a unigram model, as T5 and Switch Transformers have them.</summary>
public sealed class UnigramTests
{
    private static readonly (string Token, double Score)[] Pieces =
        [("<unk>", 0), ("a", 0), ("b", 0), ("c", 0), ("d", 0), ("cd", 1), ("ab", 2), ("abc", 5), ("abcd", 10)];

    [Theory]
    [InlineData("abcdacdxx", "abcd|a|cd|<unk>")]
    [InlineData("xabxyb", "<unk>|ab|<unk>|b")]
    [InlineData("", "")]
    public void Takes_the_tokens_of_the_largest_sum_and_joins_unknown_characters(string text, string expected) =>
        Assert.Equal(expected, Tokens(Make(Pieces), text));

    [Fact]
    public void Unknown_characters_become_bytes_where_all_of_them_have_tokens()
    {
        (string, double)[] pieces = [.. Pieces, ("<0xC3>", -3), ("<0x9F>", -3), ("<0x78>", -3)];
        Assert.Equal("a|<0xC3>|<0x9F>|<0x78>|b|<unk>", Tokens(Make(pieces, "\"byte_fallback\": true,"), "aßxby"));
    }

    /// <summary>Every way to cut the text is tried.</summary>
    [Fact]
    public void Random_vocabularies_give_what_trying_all_ways_gives()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            string Word(int longest) => string.Concat(Enumerable.Range(0, random.Next(1, longest + 1)).Select(_ => "ab😀ß"[random.Next(4)] is var c && char.IsSurrogate(c) ? "😀" : $"{c}"));
            var scores = new Dictionary<string, double> { ["<unk>"] = 0 };
            for (var i = 0; i < 20; i++)
                scores[Word(4)] = -10 * random.NextDouble();
            var tokenizer = Make([.. scores.Select(pair => (pair.Key, pair.Value))]);
            for (var i = 0; i < 20; i++)
            {
                var text = Word(9);
                Assert.Contains(Tokens(tokenizer, text), BestOfAll(text, scores));
            }
        }
    }

    [Fact]
    public void Pieces_start_with_the_space_before_them_and_decode_to_the_text()
    {
        var tokenizer = Make(
            [("<unk>", 0), ("▁", -5), ("▁the", -1), ("▁cat", -2), ("s", -3), ("</s>", 0)],
            outer: """
                "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "add_prefix_space": true}]},
                "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                  "special_tokens": {"</s>": {"id": "</s>", "ids": [5], "tokens": ["</s>"]}}},
                "decoder": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": true},
                "added_tokens": [{"id": 5, "content": "</s>", "special": true, "normalized": false}],
                """);
        var ids = tokenizer.Encode("the\n cats \u00A0the");
        Assert.Equal([2, 3, 4, 2, 5], ids);
        Assert.Equal("the cats the", tokenizer.Decode(ids, skipSpecialTokens: true));
    }

    [Theory]
    [InlineData("""[["<unk>", 0], ["a"]]""", "$.model.vocab[1]", "a token and its score")]
    [InlineData("""[["<unk>", 0], ["a", "1"]]""", "$.model.vocab[1]", "a token and its score")]
    [InlineData("""[["<unk>", 0], ["<unk>", 1]]""", "$.model.vocab[1]", "every token once")]
    [InlineData("[]", "$.model.vocab", "at least the one for unknown characters")]
    [InlineData("{}", "$.model.vocab", "an array of tokens and their scores")]
    public void Names_what_is_wrong_in_a_vocabulary(string vocabulary, string path, string expected)
    {
        var error = Assert.Throws<InvalidInputException>(() => TinyTokenizer.FromJson($$"""{"model": {"type": "Unigram", "unk_id": 0, "vocab": {{vocabulary}} } }"""));
        Assert.EndsWith($" at {path}", error.Where, StringComparison.Ordinal);
        Assert.Equal(expected, error.Expected);
    }

    [Fact]
    public void The_unknown_token_must_be_one() =>
        Assert.EndsWith(" at $.model.unk_id", Assert.Throws<InvalidInputException>(
            () => TinyTokenizer.FromJson("""{"model": {"type": "Unigram", "unk_id": 1, "vocab": [["a", 0]]}}""")).Where, StringComparison.Ordinal);

    private static Tokenizer Make((string Token, double Score)[] pieces, string model = "", string outer = "")
    {
        var vocabulary = JsonSerializer.Serialize(pieces.Select(piece => new object[] { piece.Token, piece.Score }));
        return TinyTokenizer.FromJson($$"""{ {{outer}} "model": {"type": "Unigram", {{model}} "unk_id": 0, "vocab": {{vocabulary}}} }""");
    }

    private static string Tokens(Tokenizer tokenizer, string text) => string.Join('|', tokenizer.Encode(text, addSpecialTokens: false).Select(tokenizer.TokenOf));

    /// <summary>The cuts with the largest sum.</summary>
    private static IEnumerable<string> BestOfAll(string text, Dictionary<string, double> scores)
    {
        var runes = text.EnumerateRunes().Select(rune => rune.ToString()).ToArray();
        var unknown = scores.Values.Min() - 10;
        var all = new List<(double Sum, List<string> Cut)>();
        Try(0, 0, []);
        var best = all.Max(way => way.Sum);
        return all.Where(way => way.Sum > best - 1e-9).Select(way => Joined(way.Cut));

        void Try(int start, double sum, List<string> cut)
        {
            if (start == runes.Length)
                all.Add((sum, cut));
            for (var end = start + 1; end <= runes.Length; end++)
            {
                var token = string.Concat(runes[start..end]);
                if (scores.TryGetValue(token, out var score))
                    Try(end, sum + score, [.. cut, token]);
                else if (end == start + 1)
                    Try(end, sum + unknown, [.. cut, "<unk>"]);
            }
        }

        string Joined(List<string> cut) => string.Join('|', cut.Where((token, i) => i == 0 || token != "<unk>" || cut[i - 1] != token));
    }
}
