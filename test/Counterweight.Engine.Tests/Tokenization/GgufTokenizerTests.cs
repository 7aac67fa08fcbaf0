using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Engine.Tests.Checkpoints;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Tests.Tokenization;

/// <summary>Tokenizers from the metadata of GGUF files; those in the reference files are among <see cref="GoldenTokenizers.Names"/>.</summary>
public sealed class GgufTokenizerTests
{
    /// <summary>The reference tokenizers as llama.cpp's converter would write them, and what it would call their pre-tokenizers; texts that a normal form changes are left out.</summary>
    [Theory]
    [InlineData("qwen3", "qwen2")]
    [InlineData("deepseek_v3", "deepseek-v3")]
    [InlineData("gptoss", "gpt-4o")]
    public void Named_pre_tokenizers_encode_as_the_reference(string name, string preTokenizer)
    {
        using var folder = new TemporaryFolder();
        var tokenizer = Tokenizer.Load(Convert(GoldenTokenizers.Json(name), preTokenizer, folder.File("t.gguf")));
        foreach (var golden in GoldenTokenizers.Cases(name).Cases.Where(golden => golden.Decoded == golden.Text))
        {
            Assert.Equal(golden.Ids, tokenizer.Encode(golden.Text, addSpecialTokens: false));
            Assert.Equal(golden.Decoded, tokenizer.Decode(golden.Ids));
        }
    }

    [Fact]
    public void Beginning_and_end_are_added_as_the_flags_say()
    {
        using var folder = new TemporaryFolder();
        var tokenizer = Tokenizer.Load(Bytes("gpt-2")
            .Add("tokenizer.ggml.bos_token_id", 256).Add("tokenizer.ggml.eos_token_id", 257).Add("tokenizer.ggml.add_bos_token", true).Add("tokenizer.ggml.add_eos_token", true)
            .Write(folder.File("t.gguf")));
        Assert.Equal([256, tokenizer.IdOf("a")!.Value, 257], tokenizer.Encode("a"));
        Assert.Equal([tokenizer.IdOf("a")!.Value], tokenizer.Encode("a", addSpecialTokens: false));
        Assert.Equal([256], tokenizer.Encode("<s>", addSpecialTokens: false));
        Assert.Equal([256, 257], tokenizer.SpecialIds);
    }

    [Theory]
    [InlineData("gpt2", "no-such-name", "tokenizer.ggml.pre")]
    [InlineData("bert", "gpt-2", "tokenizer.ggml.model")]
    public void Unknown_kinds_are_refused_by_name(string model, string preTokenizer, string key)
    {
        using var folder = new TemporaryFolder();
        var path = Bytes(preTokenizer, model).Write(folder.File("t.gguf"));
        Assert.Contains(key, Assert.Throws<InvalidInputException>(() => Tokenizer.Load(path)).Message, StringComparison.Ordinal);
    }

    /// <summary>The 256 bytes, two special tokens and one that is merged.</summary>
    private static GgufBuilder Bytes(string preTokenizer, string model = "gpt2")
    {
        var bytes = Enumerable.Range(0, 256).Select(i => i is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174 ? (char)i : '\0').ToArray();
        var standIn = 256;
        return new GgufBuilder("qwen3moe")
            .Add("tokenizer.ggml.model", model)
            .Add("tokenizer.ggml.pre", preTokenizer)
            .AddArray("tokenizer.ggml.tokens", [.. bytes.Select(c => c == '\0' ? $"{(char)standIn++}" : $"{c}"), "<s>", "</s>", "ab"])
            .AddArray("tokenizer.ggml.token_type", [.. Enumerable.Repeat(1, 256), 3, 3, 1])
            .AddArray<string>("tokenizer.ggml.merges", ["a b"]);
    }

    private static string Convert(byte[] json, string preTokenizer, string path)
    {
        using var document = JsonDocument.Parse(json);
        var model = document.RootElement.GetProperty("model");
        var tokens = model.GetProperty("vocab").EnumerateObject().ToDictionary(token => token.Value.GetInt32(), token => (Text: token.Name, Type: 1));
        foreach (var added in document.RootElement.GetProperty("added_tokens").EnumerateArray())
            tokens[added.GetProperty("id").GetInt32()] = (added.GetProperty("content").GetString()!, added.GetProperty("special").GetBoolean() ? 3 : 4);
        var ids = Enumerable.Range(0, tokens.Keys.Max() + 1).ToList();
        return new GgufBuilder("qwen3moe")
            .Add("tokenizer.ggml.model", "gpt2")
            .Add("tokenizer.ggml.pre", preTokenizer)
            .AddArray("tokenizer.ggml.tokens", [.. ids.Select(id => tokens.TryGetValue(id, out var token) ? token.Text : $"[PAD{id}]")])
            .AddArray("tokenizer.ggml.token_type", [.. ids.Select(id => tokens.TryGetValue(id, out var token) ? token.Type : 5)])
            .AddArray("tokenizer.ggml.merges", [.. model.GetProperty("merges").EnumerateArray().Select(merge =>
                merge.ValueKind == JsonValueKind.String ? merge.GetString()! : $"{merge[0].GetString()} {merge[1].GetString()}")])
            .Write(path);
    }
}
