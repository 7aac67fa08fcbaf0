namespace Counterweight.Engine.Tokenization.Files;

/// <summary>Reads <c>post_processor</c>: the special tokens before and behind a text.</summary>
internal static class PostProcessorFile
{
    public static (int[] Before, int[] After) Read(JsonCursor cursor, Vocabulary vocabulary) => cursor["type"].String() switch
    {
        "Sequence" => Nested(cursor["processors"], vocabulary),
        // Trims offsets only, which ids don't show.
        "ByteLevel" => ([], []),
        "TemplateProcessing" => Template(cursor, vocabulary),
        _ => throw cursor["type"].Error(cursor["type"].Describe(), "Sequence, ByteLevel or TemplateProcessing"),
    };

    private static (int[] Before, int[] After) Nested(JsonCursor processors, Vocabulary vocabulary)
    {
        int[] before = [], after = [];
        foreach (var processor in processors.Items())
        {
            var outer = Read(processor, vocabulary);
            before = [.. outer.Before, .. before];
            after = [.. after, .. outer.After];
        }
        return (before, after);
    }

    private static (int[] Before, int[] After) Template(JsonCursor cursor, Vocabulary vocabulary)
    {
        List<int> before = [], after = [];
        var texts = 0;
        foreach (var piece in cursor["single"].Items())
        {
            if (piece.Optional("SpecialToken") is { } token)
                (texts == 0 ? before : after).AddRange(IdsOf(token["id"].String(), cursor["special_tokens"], vocabulary));
            else if (piece["Sequence"]["id"].String() == "A")
                texts++;
            else
                throw piece.Error(piece["Sequence"]["id"].Describe(), "the sequence \"A\"");
        }
        return texts == 1
            ? ([.. before], [.. after])
            : throw cursor["single"].Error($"the sequence \"A\" {texts} times", "it once");
    }

    private static IEnumerable<int> IdsOf(string name, JsonCursor specialTokens, Vocabulary vocabulary)
    {
        foreach (var id in specialTokens[name]["ids"].Items())
            yield return vocabulary.TokenOf(id.Integer(0, vocabulary.MaximumId)) is not null
                ? id.Integer(0, vocabulary.MaximumId)
                : throw id.Error(id.Describe(), "the id of a token");
    }
}
