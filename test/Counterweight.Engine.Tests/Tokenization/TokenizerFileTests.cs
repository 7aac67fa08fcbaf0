using System.Text;
using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Tests.Tokenization;

/// <summary>Files that can't be used are refused with their name, the place, what stands there and what should.</summary>
public class TokenizerFileTests
{
    private const string Valid = """
        {
          "added_tokens": [{"id": 5, "content": "<s>", "special": true, "normalized": false}],
          "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "a"}]},
          "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "b+"}, "behavior": "Isolated", "invert": false},
          "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [5], "tokens": ["<s>"]}}},
          "decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
          "model": {"type": "BPE", "unk_token": null, "byte_fallback": false,
            "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4}, "merges": ["a b", ["ab", "c"]]}
        }
        """;

    [Fact]
    public void The_file_that_the_others_vary_is_valid()
    {
        var tokenizer = TinyTokenizer.FromJson(Valid.Replace("\"b+\"", "\"x\"", StringComparison.Ordinal));
        Assert.Equal([5, 0, 4, 5, 3], tokenizer.Encode("abc<s>b"));
        Assert.Equal(6, tokenizer.VocabularySize);
    }

    [Theory]
    [InlineData("\"a b\"", "\"a x\"", "$.model.merges[0]", "'x', which isn't in the vocabulary",
        "a merge of two tokens into a third, all in the vocabulary")]
    [InlineData("\"a b\"", "\"b a\"", "$.model.merges[0]", "'ba', which isn't in the vocabulary",
        "a merge of two tokens into a third, all in the vocabulary")]
    [InlineData("[\"ab\", \"c\"]", "[\"abc\", \"c\"]", "$.model.merges[1]", "'abcc', which isn't in the vocabulary",
        "a merge of two tokens into a third, all in the vocabulary")]
    [InlineData("[\"ab\", \"c\"]", "[\"ab\"]", "$.model.merges[1]", "an array", "two tokens, as \"a b\" or [\"a\", \"b\"]")]
    [InlineData("\"a b\"", "\"ab\"", "$.model.merges[0]", "\"ab\"", "two tokens, as \"a b\" or [\"a\", \"b\"]")]
    [InlineData("\"a b\"", "7", "$.model.merges[0]", "7", "two tokens, as \"a b\" or [\"a\", \"b\"]")]
    [InlineData("\"c\": 2", "\"c\": 1", "$.model.vocab['c']", "id 1, which 'b' has too", "an id of its own")]
    [InlineData("\"c\": 2", "\"c\": \"2\"", "$.model.vocab['c']", "\"2\"", "an integer from 0 to ")]
    [InlineData("\"c\": 2", "\"c\": -2", "$.model.vocab['c']", "-2", "an integer from 0 to ")]
    [InlineData("\"c\": 2", "\"c\": 2000000000", "$.model.vocab['c']", "2000000000", "an integer from 0 to ")]
    [InlineData("\"id\": 5", "\"id\": 4", "$.added_tokens[0]", "'<s>' with id 4, while id 4 is that of 'abc'",
        "one id for a token, one token for an id")]
    [InlineData("\"content\": \"<s>\"", "\"content\": \"abc\"", "$.added_tokens[0]",
        "'abc' with id 5, while the vocabulary gives it id 4", "one id for a token, one token for an id")]
    [InlineData("\"content\": \"<s>\", \"special\": true", "\"content\": \"<s>\", \"special\": 1", "$.added_tokens[0].special",
        "1", "true or false")]
    [InlineData("\"content\": \"<s>\"", "\"content\": \"\"", "$.added_tokens[0].content", "an empty string", "the text of a token")]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"WordPiece\"", "$.model.type", "\"WordPiece\"", "BPE or Unigram")]
    [InlineData("\"unk_token\": null", "\"unk_token\": \"<unk>\"", "$.model.unk_token", "\"<unk>\"", "a token of the vocabulary")]
    [InlineData("\"byte_fallback\": false", "\"byte_fallback\": true", "$.model.vocab", "no token '<0x00>'",
        "a token for every byte, since byte_fallback is true")]
    [InlineData("\"byte_fallback\": false", "\"dropout\": 0.1", "$.model.dropout", "0.1", "no dropout")]
    [InlineData("\"byte_fallback\": false", "\"end_of_word_suffix\": \"</w>\"", "$.model.end_of_word_suffix", "\"</w>\"",
        "nothing: word-piece spelling isn't supported")]
    [InlineData("\"merges\"", "\"joins\"", "$.model.merges", "nothing", "a value")]
    [InlineData("\"type\": \"Prepend\"", "\"type\": \"Lowercase\"", "$.normalizer.normalizers[0].type", "\"Lowercase\"",
        "Sequence, NFC, Precompiled, Prepend, Strip or Replace")]
    [InlineData("\"type\": \"Prepend\", \"prepend\": \"a\"", "\"type\": \"Precompiled\", \"precompiled_charsmap\": \"CAAAAAAAAAA=\"",
        "$.normalizer.normalizers[0].precompiled_charsmap", "\"CAAAAAAAAAA=\"", "a table in Base64: the size of a trie, the trie, and strings")]
    [InlineData("\"type\": \"Split\"", "\"type\": \"UnicodeScripts\"", "$.pre_tokenizer.type", "\"UnicodeScripts\"",
        "Sequence, Split, Digits, ByteLevel, Metaspace or WhitespaceSplit")]
    [InlineData("\"type\": \"Split\"", "\"type\": \"ByteLevel\"", "$.pre_tokenizer", "no token 'Ā' in the vocabulary",
        "tokens for all 256 byte characters of a ByteLevel pre-tokenizer")]
    [InlineData("\"Isolated\"", "\"isolated\"", "$.pre_tokenizer.behavior", "\"isolated\"",
        "Isolated, Removed, Contiguous, MergedWithPrevious, MergedWithNext")]
    [InlineData("{\"Regex\": \"b+\"}", "{\"Glob\": \"b*\"}", "$.pre_tokenizer.pattern", "neither", "{\"Regex\": …} or {\"String\": …}")]
    [InlineData("\"b+\"", "\"[a-z&&[b]]\"", "$.pre_tokenizer.pattern.Regex", "\"[a-z&&[b]]\"",
        "a pattern without && and [[:class:]], which mean something else in .NET")]
    [InlineData("\"type\": \"TemplateProcessing\"", "\"type\": \"BertProcessing\"", "$.post_processor.type", "\"BertProcessing\"",
        "Sequence, ByteLevel or TemplateProcessing")]
    [InlineData("\"ids\": [5]", "\"ids\": [6]", "$.post_processor.special_tokens.<s>.ids[0]", "6", "the id of a token")]
    [InlineData("{\"Sequence\": {\"id\": \"A\"", "{\"Sequence\": {\"id\": \"B\"", "$.post_processor.single[1]", "\"B\"",
        "the sequence \"A\"")]
    [InlineData(", {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}", "", "$.post_processor.single", "the sequence \"A\" 0 times",
        "it once")]
    [InlineData("{\"type\": \"Fuse\"}", "{\"type\": \"CTC\"}", "$.decoder.decoders[0].type", "\"CTC\"",
        "Sequence, ByteLevel, ByteFallback, Replace, Metaspace, Fuse or Strip")]
    [InlineData("{\"type\": \"Fuse\"}", "{\"type\": \"Fuse\"}, {\"type\": \"ByteFallback\"}", "$.decoder.decoders[1].type",
        "\"ByteFallback\" behind a Fuse", "at most a Strip there")]
    [InlineData("\"stop\": 0", "\"stop\": 1", "$.decoder.decoders[1].stop", "1", "0 behind a Fuse")]
    [InlineData("\"content\": \" \"", "\"content\": \"  \"", "$.decoder.decoders[1].content", "\"  \"", "a string of one character")]
    public void Names_the_place_and_what_was_expected(string original, string change, string path, string found, string expected)
    {
        Assert.Contains(original, Valid, StringComparison.Ordinal);
        var error = LoadInvalid(Valid.Replace(original, change, StringComparison.Ordinal));
        Assert.Matches(@"[/\\]tokenizer-[0-9a-f]{32}\.json at ", error.Where);
        Assert.EndsWith($" at {path}", error.Where, StringComparison.Ordinal);
        Assert.Equal(found, error.Found);
        Assert.StartsWith(expected, error.Expected, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_a_pattern_that_cannot_be_compiled()
    {
        var error = LoadInvalid(Valid.Replace("b+", "(b", StringComparison.Ordinal));
        Assert.EndsWith(" at $.pre_tokenizer.pattern.Regex", error.Where, StringComparison.Ordinal);
        Assert.StartsWith("\"(b\" (", error.Found, StringComparison.Ordinal);
        Assert.Equal("a regular expression that .NET understands", error.Expected);
    }

    [Fact]
    public void Names_the_line_where_a_truncated_file_ends()
    {
        var lines = Valid.Split('\n').Length;
        var error = LoadInvalid(Valid[..^10]);
        Assert.Contains($".json, line {lines - 1}, byte ", error.Where, StringComparison.Ordinal);
        Assert.Equal("a tokenizer.json", error.Expected);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"model\": 1}")]
    [InlineData("{\"model\": {\"vocab\": []}}")]
    [InlineData("{\"model\": {\"vocab\": {\"\\ud800\": 1}}}")]
    [InlineData("{\"model\": {\"vocab\": {}, \"vocab\": {}}}")]
    public void Refuses_what_is_not_a_tokenizer(string json) =>
        Assert.Contains("tokenizer", LoadInvalid(json).Where, StringComparison.Ordinal);

    [Fact]
    public void Refuses_bytes_that_are_not_text()
    {
        foreach (var original in new[] { "\"c\": 2", "\"<s>\", \"special", "\"ab\", \"c\"" })
        {
            var bytes = Encoding.UTF8.GetBytes(Valid);
            bytes[Valid.IndexOf(original, StringComparison.Ordinal) + 1] = 0xFF;
            Assert.Throws<InvalidInputException>(() => TinyTokenizer.FromJson(bytes));
        }
    }

    [Fact]
    public void Refuses_every_truncation() =>
        Assert.All(Enumerable.Range(0, Valid.Length - 1), length => LoadInvalid(Valid[..length].TrimEnd()));

    [Fact]
    public void Refuses_nesting_without_end() =>
        Assert.Contains("depth", LoadInvalid("{\"normalizer\": " + new string('[', 100_000)).Found, StringComparison.OrdinalIgnoreCase);

    [Fact]
    public void Names_a_file_that_is_missing()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var error = Assert.Throws<InvalidInputException>(() => Tokenizer.Load(path));
        Assert.Equal((path, "no such file", "a tokenizer.json"), (error.Where, error.Found, error.Expected));
    }

    private static InvalidInputException LoadInvalid(string json) =>
        Assert.Throws<InvalidInputException>(() => TinyTokenizer.FromJson(json));
}
