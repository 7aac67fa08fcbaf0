using Counterweight.Balancing;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Tests.Scoring;

public sealed class PrefixTokenTests
{
    [Theory]
    [InlineData("""{"bos_token":"<|endoftext|>","eos_token":"a"}""", "<|endoftext|>")]
    [InlineData("""{"bos_token":null,"eos_token":{"content":"a","lstrip":false}}""", "a")]
    [InlineData("""{"eos_token":"b"}""", "b")]
    [InlineData("{}", "<|endoftext|>")] // as config.json has it
    [InlineData(null, "<|endoftext|>")]
    public void BOS_goes_before_EOS(string? settings, string expected)
    {
        using var folder = Copy(settings);
        using var model = LoadedModel.Open(folder.Root);
        Assert.Equal(new PrefixToken(model.Tokenizer.IdOf(expected)!.Value, expected), PrefixToken.Of(model));
    }

    [Fact]
    public void Token_that_the_tokenizer_lacks_is_refused()
    {
        using var folder = Copy("""{"bos_token":"<no such token>"}""");
        using var model = LoadedModel.Open(folder.Root);
        var error = Assert.Throws<InvalidInputException>(() => RequestTokenizer.Of(model));
        Assert.Equal(folder.Path("tokenizer_config.json"), error.Where);
    }

    private static TemporaryData Copy(string? settings)
    {
        var folder = new TemporaryData();
        foreach (var name in new[] { "config.json", "model.safetensors", "tokenizer.json" })
            File.Copy(Path.Combine(PocketModel.Folder, name), folder.Path(name));
        if (settings is not null)
            folder.Write("tokenizer_config.json", settings);
        return folder;
    }
}
