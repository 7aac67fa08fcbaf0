using Counterweight.Engine.Tokenization;

namespace Counterweight.Fuzz.Targets;

/// <summary>Loads a tokenizer.json, encodes some text with it and decodes the ids.</summary>
internal sealed class TokenizerTarget : FuzzTarget
{
    private const string Text = "The <s>quick</s> brown fox\n\n  jumps 1234 times, naïve e\u0301 日本語 \U0001F600\ud800 <|end|>";

    private readonly InputFolder _folder = new();

    protected override void Read(byte[] input) => Use(Tokenizer.Load(_folder.Write("tokenizer.json", input)));

    /// <summary>Encodes some text and decodes its ids.</summary>
    public static void Use(Tokenizer tokenizer)
    {
        var ids = tokenizer.Encode(Text);
        tokenizer.Decode(ids);
        var streaming = new StreamingDecoder(tokenizer, skipSpecialTokens: true);
        foreach (var id in ids)
            streaming.Push(id);
        streaming.Flush();
    }
}
