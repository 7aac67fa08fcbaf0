using System.Text;
using System.Text.Json;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Tests.Tokenization;

/// <summary>Small tokenizers written out in a test.</summary>
internal static class TinyTokenizer
{
    /// <summary>Every printable ASCII character and ▁ is a token: the id of a printable one is its code.</summary>
    public static Tokenizer WithComponents(string components)
    {
        var printable = Enumerable.Range(' ', 95)
            .Select(code => $"{JsonSerializer.Serialize(((char)code).ToString())}: {code}").Prepend("\"▁\": 0");
        var model = $$"""{"type": "BPE", "merges": [], "vocab": { {{string.Join(", ", printable)}} } }""";
        return FromJson($$"""{ {{components}}, "model": {{model}} }""");
    }

    public static Tokenizer FromJson(string json) => FromJson(Encoding.UTF8.GetBytes(json));

    public static Tokenizer FromJson(byte[] json)
    {
        var file = Path.Combine(Path.GetTempPath(), $"tokenizer-{Guid.NewGuid():N}.json");
        File.WriteAllBytes(file, json);
        try
        {
            return Tokenizer.Load(file);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
