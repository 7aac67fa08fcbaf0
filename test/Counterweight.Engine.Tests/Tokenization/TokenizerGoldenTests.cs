using Counterweight.Engine.Tokenization;

namespace Counterweight.Tests.Tokenization;

/// <summary>Ids, texts and streamed pieces of the reference implementation.</summary>
public class TokenizerGoldenTests
{
    public static TheoryData<string> Names => GoldenTokenizers.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Encodes_as_the_reference(string name)
    {
        var tokenizer = GoldenTokenizers.Load(name);
        foreach (var golden in GoldenTokenizers.Cases(name).Cases)
        {
            Assert.Equal(golden.Ids, tokenizer.Encode(golden.Text, addSpecialTokens: false));
            Assert.Equal(golden.IdsWithSpecial ?? golden.Ids, tokenizer.Encode(golden.Text));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Decodes_as_the_reference(string name)
    {
        var tokenizer = GoldenTokenizers.Load(name);
        foreach (var golden in GoldenTokenizers.Cases(name).Cases)
        {
            Assert.Equal(golden.Decoded, tokenizer.Decode(golden.Ids));
            Assert.Equal(golden.DecodedSkipSpecial ?? golden.Decoded, tokenizer.Decode(golden.Ids, skipSpecialTokens: true));
        }
        foreach (var stream in GoldenTokenizers.Streams(name).Streams)
            Assert.Equal(stream.Text, tokenizer.Decode(stream.Ids));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Streams_the_pieces_of_the_reference(string name)
    {
        var tokenizer = GoldenTokenizers.Load(name);
        foreach (var golden in GoldenTokenizers.Streams(name).Streams.Where(stream => stream.Pieces is not null))
        {
            var decoder = new StreamingDecoder(tokenizer);
            Assert.Equal(golden.Pieces, golden.Ids.Select(decoder.Push));
            Assert.Equal(golden.Text, string.Concat(golden.Pieces!) + decoder.Flush());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Knows_the_added_tokens(string name)
    {
        var tokenizer = GoldenTokenizers.Load(name);
        foreach (var (token, id) in GoldenTokenizers.Cases(name).SpecialTokens)
        {
            Assert.Equal(id, tokenizer.IdOf(token));
            Assert.Equal(token, tokenizer.TokenOf(id));
            Assert.Equal([id], tokenizer.Encode(token, addSpecialTokens: false));
        }
    }

    [Theory]
    [InlineData("pocket", 0, 0)]
    [InlineData("qwen3", 151643, 151656)]
    [InlineData("gptoss", 199998, 200018)]
    [InlineData("spm_bpe", 0, 2)]
    public void Tells_special_tokens_from_other_added_tokens(string name, int first, int last) =>
        Assert.Equal(Enumerable.Range(first, last - first + 1), GoldenTokenizers.Load(name).SpecialIds);

    [Fact]
    public void The_bundled_model_has_the_reference_tokenizer()
    {
        var bundled = Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe", "tokenizer.json");
        Assert.Equal(GoldenTokenizers.Json("pocket"), File.ReadAllBytes(bundled));
    }
}
