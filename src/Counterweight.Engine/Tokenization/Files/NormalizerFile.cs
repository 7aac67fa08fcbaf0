using System.Text.Json;
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
        "Precompiled" => ReadCharsmap(cursor["precompiled_charsmap"], growth),
        "Strip" => new Strip(cursor.Boolean("strip_left", true), cursor.Boolean("strip_right", true)),
        "Replace" => ReadReplace(cursor, growth),
        _ => throw cursor["type"].Error(cursor["type"].Describe(), "Sequence, NFC, Precompiled, Prepend, Strip or Replace"),
    };

    private static PrecompiledCharsmap ReadCharsmap(JsonCursor cursor, TextGrowth growth)
    {
        cursor.Require(JsonValueKind.String, "a table in Base64");
        if (!cursor.Element.TryGetBytesFromBase64(out var table) || PrecompiledCharsmap.TryRead(table) is not { } charsmap)
            throw cursor.Error(cursor.Describe(), "a table in Base64: the size of a trie, the trie, and strings");
        growth.Add(cursor, 1, charsmap.LongestReplacement);
        return charsmap;
    }

    private static Normalizer ReadReplace(JsonCursor cursor, TextGrowth growth)
    {
        if (cursor["pattern"].Optional("Regex") is not null)
        {
            var expression = new ReplacePattern(PreTokenizerFile.ReadPattern(cursor["pattern"]), cursor["content"].String());
            growth.Add(cursor, 1, cursor["content"].String().Length);
            return expression;
        }
        var (pattern, content) = (LiteralPattern(cursor["pattern"]), cursor["content"].String());
        growth.Add(cursor, pattern.Length, content.Length);
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
