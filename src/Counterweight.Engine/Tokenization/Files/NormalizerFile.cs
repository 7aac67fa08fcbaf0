using Counterweight.Engine.Tokenization.Normalizers;

namespace Counterweight.Engine.Tokenization.Files;

/// <summary>Reads <c>normalizer</c>.</summary>
internal static class NormalizerFile
{
    public static Normalizer Read(JsonCursor cursor) => Read(cursor, new TextGrowth());

    private static Normalizer Read(JsonCursor cursor, TextGrowth growth) => cursor["type"].String() switch
    {
        "Sequence" => new NormalizerSequence([.. cursor["normalizers"].Items().Select(item => Read(item, growth))]),
        "NFC" => new CanonicalComposition(),
        "Prepend" => new Prepend(cursor["prepend"].String()),
        "Replace" => ReadReplace(cursor, growth),
        _ => throw cursor["type"].Error(cursor["type"].Describe(), "Sequence, NFC, Prepend or Replace"),
    };

    private static Replace ReadReplace(JsonCursor cursor, TextGrowth growth)
    {
        var (pattern, content) = (LiteralPattern(cursor["pattern"]), cursor["content"].String());
        growth.Add(cursor, pattern, content);
        return new Replace(pattern, content);
    }

    /// <summary>The text of a pattern <c>{"String": …}</c>.</summary>
    public static string LiteralPattern(JsonCursor cursor)
    {
        if (cursor.Optional("String") is not { } text)
            throw cursor.Error("a pattern of another kind", "{\"String\": …}");
        return text.String().Length > 0 ? text.String() : throw text.Error("an empty string", "the text to replace");
    }
}
