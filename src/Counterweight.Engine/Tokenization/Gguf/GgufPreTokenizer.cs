using System.Text.Json;
using Counterweight.Engine.Checkpoints.Gguf;

namespace Counterweight.Engine.Tokenization.Gguf;

/// <summary>
/// The pre-tokenizers that <c>tokenizer.ggml.pre</c> names, as the patterns of the <c>tokenizer.json</c> files behind the names
/// (llama.cpp's <c>src/llama-vocab.cpp</c> has them in a form that its own regular expressions can do).
/// </summary>
/// <param name="Patterns">Each cuts what the ones before have left; empty for GPT-2's own pattern.</param>
internal sealed record GgufPreTokenizer(params string[] Patterns)
{
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Spaces = @"\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Words = @"[^\r\n\p{L}\p{N}]?\p{L}+";
    private const string Marks = @" ?[^\s\p{L}\p{N}]+[\r\n]*";
    private const string CasedWords =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+ENDING|" +
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*ENDING";
    private const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>The cased scripts of DeepSeek's first tokenizers up to U+FFFF: .NET's classes end there.</summary>
    private const string DeepseekLetters =
        @"A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373\u0376\u0377" +
        @"\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5" +
        @"\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D" +
        @"\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4" +
        @"\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D" +
        @"\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4" +
        @"\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06" +
        @"\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A";

    private static readonly GgufPreTokenizer Llama3 = new($"{Contractions}|{Words}|\\p{{N}}{{1,3}}|{Marks}|{Spaces}");
    private static readonly GgufPreTokenizer Qwen2 = new($"{Contractions}|{Words}|\\p{{N}}|{Marks}|{Spaces}");
    private static readonly GgufPreTokenizer Digits = new(@"\p{N}", Gpt2);
    private static readonly GgufPreTokenizer Gpt4O = new(
        $@"{CasedWords.Replace("ENDING", Contractions + "?", StringComparison.Ordinal)}|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{Spaces}");

    /// <summary>A word that is a token as a whole is not put together from its parts.</summary>
    public bool IgnoresMerges { get; init; }

    /// <summary>Whether a text starts with the token for it where the file does not say.</summary>
    public bool AddsBos { get; init; }

    /// <summary>The pre-tokenizer of a file.</summary>
    /// <exception cref="Balancing.InvalidInputException">It isn't known.</exception>
    public static GgufPreTokenizer Of(GgufMetadata metadata)
    {
        const string Key = "tokenizer.ggml.pre";
        return Named(metadata.String(Key, "default")) ?? throw metadata.Refuse(Key, "the name of a pre-tokenizer that is supported");
    }

    /// <summary>Writes <c>pre_tokenizer</c>.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        foreach (var pattern in Patterns)
        {
            json.WriteStartObject();
            json.WriteString("type", "Split");
            json.WriteStartObject("pattern");
            json.WriteString("Regex", pattern);
            json.WriteEndObject();
            json.WriteString("behavior", "Isolated");
            json.WriteEndObject();
        }
        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("use_regex", false);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static GgufPreTokenizer? Named(string name) => name switch
    {
        "llama3" or "llama-v3" or "llama-bpe" or "lfm2" => Llama3 with { IgnoresMerges = true, AddsBos = true },
        "dbrx" or "smaug-bpe" or "glm4" or "chatglm-bpe" => Llama3,
        "qwen2" or "stablelm2" or "hunyuan" or "megrez" or "deepseek-r1-qwen" or "grok-2" or "solar-open" => Qwen2,
        "gpt-2" or "phi-2" or "mpt" or "olmo" or "exaone4" or "trillion" => new GgufPreTokenizer(Gpt2),
        "starcoder" or "refact" or "command-r" or "smollm" or "codeshell" or "exaone" => Digits,
        "gpt-4o" or "llama4" or "kanana2" => Gpt4O with { IgnoresMerges = true },
        "minimax-m2" => Gpt4O,
        "tekken" => new GgufPreTokenizer($@"{CasedWords.Replace("ENDING", "", StringComparison.Ordinal)}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{Spaces}")
        {
            IgnoresMerges = true,
            AddsBos = true,
        },
        "deepseek-llm" => new GgufPreTokenizer("[\\r\\n]", $@"\s?[{DeepseekLetters}]+", @"\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+", @"\s+$", @"[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+", @"\p{N}+"),
        "deepseek-coder" => new GgufPreTokenizer("[\\r\\n]", @"\s?\p{L}+", @"\s?\p{P}+", @"[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+", @"\p{N}"),
        "deepseek-v3" or "hunyuan-dense" or "joyai-llm" => new GgufPreTokenizer(
            @"\p{N}{1,3}",
            @"[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+",
            @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|" + Spaces),
        "bailingmoe" or "bailingmoe2" or "llada-moe" => new GgufPreTokenizer(
            $@"'(?i:[sdmt]|ll|ve|re)|(?>[^\r\n\p{{L}}\p{{N}}]?)\p{{L}}+|\p{{N}}|(?> ?[^\s\p{{L}}\p{{N}}]+)[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"),
        "exaone-moe" => new GgufPreTokenizer(
            $@"{Contractions}|[^\r\n\p{{L}}\p{{N}}]?(?:\p{{L}}\p{{M}}*(?: \p{{L}}\p{{M}}*)*)+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"),
        // What llama.cpp does with files from before the key.
        "default" => new GgufPreTokenizer(@"[\p{P}\$\+<=>\^~\|]+", Gpt2, @"\p{N}+", "[0-9][0-9][0-9]"),
        _ => null,
    };
}
