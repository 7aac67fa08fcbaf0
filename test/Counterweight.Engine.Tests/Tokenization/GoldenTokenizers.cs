using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Counterweight.Engine.Tokenization;
using ZstdSharp;

namespace Counterweight.Tests.Tokenization;

/// <summary>The reference tokenizers with their cases, each loaded once.</summary>
internal static class GoldenTokenizers
{
    private static readonly ConcurrentDictionary<string, Lazy<Tokenizer>> Loaded = new();
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static TheoryData<string> Names => ["pocket", "qwen3", "deepseek_v3", "gptoss", "spm_bpe", "pocket.gguf", "spm_bpe.gguf"];

    public static Tokenizer Load(string name) =>
        Loaded.GetOrAdd(name, _ => new Lazy<Tokenizer>(() => IsGguf(name) ? Tokenizer.Load(GgufFile(name)) : TinyTokenizer.FromJson(Json(name)))).Value;

    private static bool IsGguf(string name) => name.EndsWith(".gguf", StringComparison.Ordinal);

    private static string GgufFile(string name) => GoldenFiles.Shared("goldens", "gguf", name.Replace(".gguf", ".tokenizer.gguf", StringComparison.Ordinal));

    public static byte[] Json(string name)
    {
        using var stream = new DecompressionStream(File.OpenRead(GoldenFiles.Shared("goldens", "tokenizers", name, "tokenizer.json.zst")));
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }

    public static GoldenCases Cases(string name) => Read<GoldenCases>(name, "cases.json");

    public static GoldenStreams Streams(string name) => Read<GoldenStreams>(name, "streams.json");

    private static T Read<T>(string name, string file) =>
        JsonSerializer.Deserialize<T>(File.ReadAllBytes(GoldenFiles.Shared("goldens", "tokenizers", name.Replace(".gguf", "", StringComparison.Ordinal), file)), Options)!;
}

internal sealed record GoldenCases(Dictionary<string, int> SpecialTokens, GoldenCase[] Cases);

internal sealed record GoldenCase(
    string Text, int[] Ids, int[]? IdsWithSpecial, string Decoded, string? DecodedSkipSpecial);

internal sealed record GoldenStreams(GoldenStream[] Streams);

internal sealed record GoldenStream(int[] Ids, string?[]? Pieces, string Text, [property: JsonPropertyName("random")] bool IsRandom);
