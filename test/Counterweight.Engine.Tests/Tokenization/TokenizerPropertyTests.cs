using System.Text;
using System.Text.Json;
using Counterweight.Engine.Tokenization;
using CsCheck;

namespace Counterweight.Tests.Tokenization;

/// <summary>What holds for every text and every sequence of ids.</summary>
public class TokenizerPropertyTests
{
    private static readonly string[] Frequent =
        [" ", "  ", "\n", "\r\n", "\t", "'s", "the", " of", "123", "<|endoftext|>", "\u00A0", "▁"];

    private static readonly Gen<string> Characters = Gen.OneOf(
        Gen.Char[' ', '~'].Select(character => character.ToString()),
        Gen.Int[0, Frequent.Length - 1].Select(index => Frequent[index]),
        Gen.Int[0, 0x10FFFF].Where(Rune.IsValid).Select(value => new Rune(value).ToString()));

    private static readonly Gen<string> Texts = Characters.Array[0, 60].Select(string.Concat);

    [Theory]
    [InlineData("pocket")]
    [InlineData("deepseek_v3")]
    [InlineData("gptoss")]
    public void A_tokenizer_without_normalizer_gives_every_text_back(string name)
    {
        var tokenizer = GoldenTokenizers.Load(name);
        Texts.Sample(text => Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: false))), iter: 2000);
    }

    [Theory]
    [InlineData("pocket")]
    [InlineData("qwen3")]
    [InlineData("deepseek_v3")]
    [InlineData("gptoss")]
    public void Streamed_pieces_are_the_decoded_text(string name)
    {
        var tokenizer = GoldenTokenizers.Load(name);
        // Ids below 256 are single bytes for the most part: they make incomplete and invalid characters likely.
        var ids = Gen.OneOf(Gen.Int[0, 260], Gen.Int[0, tokenizer.VocabularySize + 10]).Array[0, 40];
        Gen.Select(ids, Gen.Bool).Sample((sequence, skipSpecial) =>
            Assert.Equal(tokenizer.Decode(sequence, skipSpecial), Stream(tokenizer, sequence, skipSpecial)), iter: 3000);
    }

    [Fact]
    public void Streamed_pieces_of_an_encoded_text_are_its_decoded_text_with_byte_fallback()
    {
        var tokenizer = GoldenTokenizers.Load("spm_bpe");
        Texts.Select(text => tokenizer.Encode(text)).Sample(
            ids => Assert.Equal(tokenizer.Decode(ids), Stream(tokenizer, ids, skipSpecial: false)), iter: 2000);
    }

    [Fact]
    public void No_piece_ends_inside_a_character()
    {
        var tokenizer = GoldenTokenizers.Load("pocket");
        Texts.Where(text => !text.Contains('\uFFFD')).Sample(text =>
        {
            var decoder = new StreamingDecoder(tokenizer);
            Assert.DoesNotContain(tokenizer.Encode(text).Select(decoder.Push), piece => piece is not null && piece.Contains('\uFFFD'));
        }, iter: 2000);
    }

    [Fact]
    public void Lone_surrogates_count_as_the_replacement_character()
    {
        foreach (var name in new[] { "pocket", "qwen3", "spm_bpe" })
        {
            var tokenizer = GoldenTokenizers.Load(name);
            Gen.Char.Array[0, 30].Select(units => new string(units)).Sample(text =>
                Assert.Equal(tokenizer.Encode(Encoding.Unicode.GetString(Encoding.Unicode.GetBytes(text))), tokenizer.Encode(text)));
        }
    }

    [Fact]
    public void Encodes_on_many_threads_as_on_one()
    {
        var tokenizer = Tokenizer.Load(Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe", "tokenizer.json"));
        var texts = Enumerable.Range(0, 400)
            .Select(i => $"Text {i % 7} of the {i % 13}th thread: naïve, 日本語 {new string('x', i)}").ToArray();
        var together = texts.AsParallel().AsOrdered().WithDegreeOfParallelism(8).Select(text => tokenizer.Encode(text)).ToArray();
        Assert.Equal(texts.Select(text => tokenizer.Encode(text)), together);
    }

    [Fact]
    public void A_long_text_without_pre_tokenizers_has_the_tokens_of_the_definition()
    {
        var tokenizer = GoldenTokenizers.Load("spm_bpe");
        using var json = JsonDocument.Parse(GoldenTokenizers.Json("spm_bpe"));
        var ranks = json.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray()
            .Select((merge, rank) => (Pair: (merge[0].GetString()!, merge[1].GetString()!), rank))
            .ToDictionary(entry => entry.Pair, entry => entry.rank);
        var pieces = Gen.OneOf(
            Gen.Int[300, tokenizer.VocabularySize - 1].Select(tokenizer.TokenOf), Characters.Where(text => !text.Contains('<')));
        pieces.Array[100, 300].Select(parts => string.Concat(parts).Replace('▁', ' ')).Sample(text =>
            Assert.Equal(EncodeByDefinition(tokenizer, ranks, text), tokenizer.Encode(text, addSpecialTokens: false)), iter: 40);
    }

    private static IEnumerable<int> EncodeByDefinition(Tokenizer tokenizer, Dictionary<(string, string), int> ranks, string text)
    {
        var symbols = ("▁" + text.Replace(' ', '▁')).EnumerateRunes().SelectMany(rune => tokenizer.IdOf(rune.ToString()) is not null
            ? [rune.ToString()]
            : Encoding.UTF8.GetBytes(rune.ToString()).Select(value => $"<0x{value:X2}>"));
        return BytePairDefinition.Merge(symbols, ranks).Select(symbol => tokenizer.IdOf(symbol)!.Value);
    }

    private static string Stream(Tokenizer tokenizer, IEnumerable<int> ids, bool skipSpecial)
    {
        var decoder = new StreamingDecoder(tokenizer, skipSpecial);
        return string.Concat(ids.Select(decoder.Push)) + decoder.Flush();
    }
}
