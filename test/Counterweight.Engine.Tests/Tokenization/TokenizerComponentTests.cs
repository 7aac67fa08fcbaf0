using System.Globalization;
using Counterweight.Engine.Tokenization;
using Counterweight.Engine.Tokenization.Normalizers;
using Counterweight.Engine.Tokenization.PreTokenizers;

namespace Counterweight.Tests.Tokenization;

/// <summary>The components that no reference tokenizer exercises in full.</summary>
public class TokenizerComponentTests
{
    [Theory]
    [InlineData("Isolated", false, "a|--|b|-|c")]
    [InlineData("Isolated", true, "a|--|b|-|c")]
    [InlineData("Removed", false, "a|b|c")]
    [InlineData("Removed", true, "--|-")]
    [InlineData("Contiguous", false, "a|--|b|-|c")]
    [InlineData("MergedWithPrevious", false, "a--|b-|c")]
    [InlineData("MergedWithPrevious", true, "a|--b|-c")]
    [InlineData("MergedWithNext", false, "a|--b|-c")]
    [InlineData("MergedWithNext", true, "a--|b-|c")]
    public void Split_cuts_as_its_behavior_says(string behavior, bool invert, string expected)
    {
        var recorder = new Recorder();
        var split = new PatternSplit(new("-+"), Enum.Parse<SplitBehavior>(behavior), invert, recorder);
        split.Encode("a--b-c", atTextStart: true, []);
        Assert.Equal(expected, string.Join('|', recorder.Pieces));
    }

    [Theory]
    [InlineData("Isolated", "a|-|-|b")]
    [InlineData("Contiguous", "a|--|b")]
    [InlineData("MergedWithPrevious", "a-|-|b")]
    [InlineData("MergedWithNext", "a|-|-b")]
    public void Split_joins_neighbouring_matches_only_where_they_are_contiguous(string behavior, string expected)
    {
        var recorder = new Recorder();
        new PatternSplit(new("-"), Enum.Parse<SplitBehavior>(behavior), invert: false, recorder).Encode("a--b", atTextStart: true, []);
        Assert.Equal(expected, string.Join('|', recorder.Pieces));
    }

    [Theory]
    [InlineData(@"\p{L}+", "𝕳𝖊b|😀|𠜎c")]
    [InlineData(@"\p{So}", "𝕳𝖊b|😀|𠜎c")]
    [InlineData(@"[^\p{L}]", "𝕳𝖊b|😀|𠜎c")]
    [InlineData(@"\p{Lu}.", "𝕳𝖊|b😀𠜎c")]
    [InlineData(".", "𝕳|𝖊|b|😀|𠜎|c")]
    public void Patterns_see_characters_beyond_the_basic_plane_as_one(string pattern, string expected)
    {
        var recorder = new Recorder();
        new PatternSplit(new(pattern), SplitBehavior.Isolated, invert: false, recorder).Encode("𝕳𝖊b😀𠜎c", atTextStart: true, []);
        Assert.Equal(expected, string.Join('|', recorder.Pieces));
    }

    [Fact]
    public void Stand_ins_have_the_category_that_they_stand_for()
    {
        var beyond = Enumerable.Range(0x10000, 0x100000).Select(CharUnicodeInfo.GetUnicodeCategory).Distinct();
        Assert.All(beyond, category => Assert.Equal(category, CharUnicodeInfo.GetUnicodeCategory(BmpText.StandInFor(category))));
    }

    [Theory]
    [InlineData("", "a <b> c", "a |<b>| c")]
    [InlineData("\"lstrip\": true", "a \n<b> c", "a|<b>| c")]
    [InlineData("\"rstrip\": true", "a <b> \tc", "a |<b>|c")]
    [InlineData("\"lstrip\": true, \"rstrip\": true", "<b>  <b>", "<b>|<b>")]
    [InlineData("\"single_word\": true", "x<b> <b>1 <b>_ -<b>- <b>", "x<b> <b>1 <b>_ -|<b>|- |<b>")]
    [InlineData("\"single_word\": true", "é<b> <b>", "é<b> |<b>")]
    public void Added_tokens_honour_their_flags(string flags, string text, string expected)
    {
        var token = $"{{\"id\": 200, \"content\": \"<b>\"{(flags.Length > 0 ? ", " : "")}{flags}}}";
        var splitter = TinyTokenizer.WithComponents($"\"added_tokens\": [{token}]").Parts.NormalizedTokens!;
        Assert.Equal(expected, string.Join('|', splitter.Split(text)
            .Select(segment => segment.TokenId >= 0 ? "<b>" : text.Substring(segment.Start, segment.Length))));
    }

    [Fact]
    public void Of_added_tokens_at_one_place_the_longest_wins()
    {
        var tokenizer = TinyTokenizer.WithComponents("""
            "added_tokens": [
              {"id": 200, "content": "ab", "normalized": false},
              {"id": 201, "content": "abc", "normalized": false},
              {"id": 202, "content": "bcd", "normalized": false}]
            """);
        Assert.Equal([201, 'd', 200, 202], tokenizer.Encode("abcdabbcd"));
    }

    [Fact]
    public void A_normalized_token_is_found_in_normalized_text_and_a_literal_one_before()
    {
        const string Normalizer = """
            "normalizer": {"type": "Replace", "pattern": {"String": "x"}, "content": "y"}
            """;
        static Tokenizer With(string flag) => TinyTokenizer.WithComponents(
            $$"""{{Normalizer}}, "added_tokens": [{"id": 200, "content": "ax"{{flag}}}]""");
        Assert.Equal([200], With("").Encode("ay"));
        Assert.Equal(['a', 'y', 200], With(", \"normalized\": false").Encode("ayax"));
    }

    [Theory]
    [InlineData("always", "▁a|▁b", "▁a")]
    [InlineData("first", "▁a|▁b", "a")]
    [InlineData("never", "a|▁b", "a")]
    public void Metaspace_prepends_as_its_scheme_says(string scheme, string words, string afterToken)
    {
        var json = $$$"""
            "added_tokens": [{"id": 200, "content": "<t>", "normalized": false}],
            "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "{{{scheme}}}", "split": true},
            "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "{{{scheme}}}"}
            """;
        var tokenizer = TinyTokenizer.WithComponents(json);
        static int[] Ids(string text) => [.. text.Replace("|", "", StringComparison.Ordinal).Select(c => c == '▁' ? 0 : c)];
        Assert.Equal(Ids(words), tokenizer.Encode("a b"));
        Assert.Equal([200, .. Ids(afterToken)], tokenizer.Encode("<t>a"));
        Assert.Equal("a b", tokenizer.Decode(tokenizer.Encode("a b")));
    }

    [Fact]
    public void Digits_are_cut_one_by_one_or_as_a_number()
    {
        const string Merged = """
            "model": {"type": "BPE", "vocab": {"1": 0, "2": 1, "x": 2, "12": 3, "x1": 4}, "merges": ["x 1", "1 2"]}
            """;
        static Tokenizer Digits(bool individual) => TinyTokenizer.FromJson(
            $$"""{"pre_tokenizer": {"type": "Digits", "individual_digits": {{(individual ? "true" : "false")}} }, {{Merged}} }""");
        Assert.Equal([2, 0, 1], Digits(individual: true).Encode("x12"));
        Assert.Equal([2, 3], Digits(individual: false).Encode("x12"));
    }

    [Fact]
    public void Unknown_characters_fuse_or_not()
    {
        static Tokenizer Unknown(bool fuse) => TinyTokenizer.FromJson($$"""
            {"model": {"type": "BPE", "unk_token": "?", "fuse_unk": {{(fuse ? "true" : "false")}}, "merges": [],
             "vocab": {"?": 0, "a": 1} } }
            """);
        Assert.Equal([0, 1, 0], Unknown(fuse: true).Encode("xyaz"));
        Assert.Equal([0, 0, 1, 0], Unknown(fuse: false).Encode("xyaz"));
        Assert.Equal([0, 1], Unknown(fuse: true).Encode(new string('x', 1000) + "a"));
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public void The_model_makes_no_added_tokens(string ignoreMerges)
    {
        var tokenizer = TinyTokenizer.FromJson($$"""
            {"added_tokens": [{"id": 7, "content": "xy", "single_word": true}, {"id": 8, "content": "z", "single_word": true}],
             "model": {"type": "BPE", "ignore_merges": {{ignoreMerges}}, "merges": [], "vocab": {"x": 0, "y": 1} } }
            """);
        Assert.Equal([7], tokenizer.Encode("xy"));
        Assert.Equal([0, 1, 0], tokenizer.Encode("xyx"));
        Assert.Equal([0], tokenizer.Encode("xz"));
    }

    [Fact]
    public void Special_tokens_of_several_post_processors_nest()
    {
        const string Template = """
            {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "x"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "y"}}],
             "special_tokens": {"x": {"ids": [XX]}, "y": {"ids": [YY]}}}
            """;
        string Of(int x, int y) => Template.Replace("XX", $"{x}", StringComparison.Ordinal).Replace("YY", $"{y}", StringComparison.Ordinal);
        var tokenizer = TinyTokenizer.WithComponents(
            $$"""
            "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"}, {{Of(65, 66)}}, {{Of(67, 68)}}]}
            """);
        Assert.Equal([67, 65, 'q', 66, 68], tokenizer.Encode("q"));
        Assert.Equal(['q'], tokenizer.Encode("q", addSpecialTokens: false));
    }

    [Fact]
    public void Without_a_decoder_tokens_are_joined_by_spaces()
    {
        var tokenizer = TinyTokenizer.WithComponents("\"decoder\": null");
        Assert.Equal("a b", tokenizer.Decode(['a', 'b', 1000]));
        Assert.Equal("a", tokenizer.TokenOf('a'));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.TokenOf(1000));
        Assert.Null(tokenizer.IdOf("ab"));
    }

    [Theory]
    [InlineData("e\u0301", "\u00E9")]
    [InlineData("\u00E9", "\u00E9")]
    [InlineData("\u212B", "\u00C5")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307")]
    [InlineData("d\u0307\u0323", "\u1E0D\u0307")]
    [InlineData("\u1100\u1161\u11A8", "\uAC01")]
    [InlineData("\uAC00\u11A8", "\uAC01")]
    [InlineData("\u0958", "\u0915\u093C")]
    [InlineData("\u0344", "\u0308\u0301")]
    [InlineData("\uFB01", "\uFB01")]
    [InlineData("a\u05B0\u0301e", "\u00E1\u05B0e")]
    [InlineData("\u09C7\u09BE", "\u09CB")]
    [InlineData("\u09C7\u0334\u09BE", "\u09C7\u0334\u09BE")]
    [InlineData("naïve e\u0301 日本 e\u0301\u0301", "naïve \u00E9 日本 \u00E9\u0301")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165")]
    [InlineData("x\U00011099\U000110BAy", "x\U0001109Ay")]
    [InlineData("\u0301\u0301", "\u0301\u0301")]
    public void Composes_canonically(string text, string expected) => Assert.Equal(expected, new CanonicalComposition().Normalize(text));

    [Theory]
    [InlineData("  a  b ", "▁a▁b")]
    [InlineData("a b", "a b")]
    [InlineData("😀   a", "😀▁a")]
    [InlineData("   ", "")]
    public void Strips_and_replaces_what_a_pattern_matches(string text, string expected) =>
        Assert.Equal(expected, new NormalizerSequence([new Strip(left: false, right: true), new ReplacePattern(new(" {2,}"), "▁")]).Normalize(text));

    private sealed class Recorder : PreTokenizer
    {
        public List<string> Pieces { get; } = [];

        public override void Encode(ReadOnlySpan<char> piece, bool atTextStart, List<int> ids) => Pieces.Add(piece.ToString());
    }
}
