using Counterweight.Engine.Tokenization.Decoders;
using Counterweight.Engine.Tokenization.PreTokenizers;

namespace Counterweight.Engine.Tokenization.Files;

/// <summary>Reads <c>decoder</c>.</summary>
internal static class DecoderFile
{
    private const int MaximumStrip = 1024;

    public static DecoderChain Read(JsonCursor? cursor)
    {
        if (cursor is not { } decoder)
            return new DecoderChain([(next, _) => new JoinDecoder(" ", next)]);
        var steps = new List<DecodingStepFactory>();
        var isFused = false;
        AddSteps(decoder, steps, new TextGrowth(), ref isFused);
        return new DecoderChain(steps);
    }

    private static void AddSteps(JsonCursor cursor, List<DecodingStepFactory> steps, TextGrowth growth, ref bool isFused)
    {
        var type = cursor["type"];
        switch (type.String())
        {
            case "Sequence":
                foreach (var item in cursor["decoders"].Items())
                    AddSteps(item, steps, growth, ref isFused);
                break;
            // Text is put together at the end in any case: Fuse only changes what a later Strip strips.
            case "Fuse":
                isFused = true;
                break;
            case "Strip":
                steps.Add(Strip(cursor, isFused));
                break;
            case "ByteLevel" or "ByteFallback" or "Replace" or "Metaspace" when isFused:
                throw type.Error($"{type.Describe()} behind a Fuse", "at most a Strip there");
            default:
                steps.Add(Step(cursor, growth));
                break;
        }
    }

    private static DecodingStepFactory Step(JsonCursor cursor, TextGrowth growth)
    {
        switch (cursor["type"].String())
        {
            case "ByteLevel":
                return (next, _) => new ByteLevelDecoder(next);
            case "ByteFallback":
                return (next, isStreaming) => new ByteFallbackDecoder(next, isStreaming);
            case "Replace":
                var (pattern, content) = (NormalizerFile.LiteralPattern(cursor["pattern"]), cursor["content"].String());
                growth.Add(cursor, pattern.Length, content.Length);
                return (next, _) => new ReplaceDecoder(pattern, content, next);
            case "Metaspace":
                var replacement = cursor["replacement"].Character();
                var hasLeadingSpace = PreTokenizerFile.SchemeOf(cursor) != PrependScheme.Never;
                return (next, _) => new MetaspaceDecoder(replacement, hasLeadingSpace, next);
            default:
                throw cursor["type"].Error(
                    cursor["type"].Describe(), "Sequence, ByteLevel, ByteFallback, Replace, Metaspace, Fuse or Strip");
        }
    }

    private static DecodingStepFactory Strip(JsonCursor cursor, bool isFused)
    {
        var content = cursor["content"].Character();
        var (start, stop) = (cursor["start"].Integer(0, MaximumStrip), cursor["stop"].Integer(0, MaximumStrip));
        if (isFused && stop > 0)
            throw cursor["stop"].Error(cursor["stop"].Describe(), "0 behind a Fuse");
        return isFused
            ? (next, _) => new StripTextStart(content, start, next)
            : (next, _) => new StripDecoder(content, start, stop, next);
    }
}
