using System.Text.Json;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Tokenization.Models;

namespace Counterweight.Engine.Tokenization.Files;

/// <summary>Reads <c>model</c>.</summary>
internal static class ModelFile
{
    /// <summary>The model's own tokens.</summary>
    public static Vocabulary ReadVocabulary(JsonCursor cursor) =>
        cursor["type"].String() == "Unigram" ? UnigramFile.ReadTokens(cursor["vocab"]) : VocabularyFile.ReadTokens(cursor["vocab"]);

    public static IWordModel Read(JsonCursor cursor, Vocabulary vocabulary) => cursor["type"].String() switch
    {
        "BPE" => ReadBytePairs(cursor, vocabulary),
        "Unigram" => UnigramFile.Read(cursor, vocabulary),
        _ => throw cursor["type"].Error(cursor["type"].Describe(), "BPE or Unigram"),
    };

    private static BytePairModel ReadBytePairs(JsonCursor cursor, Vocabulary vocabulary)
    {
        RequireAbsent(cursor, "continuing_subword_prefix");
        RequireAbsent(cursor, "end_of_word_suffix");
        if (cursor.Optional("dropout") is { } dropout && dropout.Element.GetRawText() is not ("0" or "0.0"))
            throw dropout.Error(dropout.Describe(), "no dropout");
        var options = new BytePairOptions(
            UnknownIdOf(cursor, vocabulary), cursor.Boolean("fuse_unk", false), cursor.Boolean("byte_fallback", false),
            cursor.Boolean("ignore_merges", false));
        if (options.ByteFallback)
            RequireByteTokens(cursor, vocabulary);
        return new BytePairModel(vocabulary, ReadMerges(cursor["merges"], vocabulary), options);
    }

    private static void RequireAbsent(JsonCursor model, string name)
    {
        if (model.Optional(name) is { } cursor && cursor.String().Length > 0)
            throw cursor.Error(cursor.Describe(), "nothing: word-piece spelling isn't supported");
    }

    private static int? UnknownIdOf(JsonCursor model, Vocabulary vocabulary) => model.Optional("unk_token") is { } token
        ? vocabulary.IdOf(token.String()) ?? throw token.Error(token.Describe(), "a token of the vocabulary")
        : null;

    private static void RequireByteTokens(JsonCursor model, Vocabulary vocabulary)
    {
        for (var value = 0; value < 256; value++)
            if (vocabulary.IdOf(ByteTokens.Spelling((byte)value)) is null)
                throw model["vocab"].Error(
                    $"no token '{ByteTokens.Spelling((byte)value)}'", "a token for every byte, since byte_fallback is true");
    }

    private static MergeTable ReadMerges(JsonCursor cursor, Vocabulary vocabulary)
    {
        cursor.Require(JsonValueKind.Array, "an array of merges");
        var merges = new MergeTable(cursor.Element.GetArrayLength());
        var index = 0;
        foreach (var element in cursor.Element.EnumerateArray())
        {
            var merge = new MergeEntry(cursor, index++, element);
            var (left, right) = merge.Parts();
            merges.Add((left, merge.IdOf(left, vocabulary)), (right, merge.IdOf(right, vocabulary)), merge.IdOf(left + right, vocabulary));
        }
        return merges;
    }

    /// <summary>One entry, <c>"a b"</c> or <c>["a", "b"]</c>; its path is made only where it is needed.</summary>
    private readonly record struct MergeEntry(JsonCursor List, int Index, JsonElement Element)
    {
        private JsonCursor Cursor => List with { Path = $"{List.Path}[{Index}]", Element = Element };

        public (string Left, string Right) Parts()
        {
            string[] parts = Element.ValueKind switch
            {
                JsonValueKind.Array => [.. Cursor.Items().Select(part => part.String())],
                JsonValueKind.String => Cursor.String().Split(' '),
                _ => [],
            };
            if (parts is [{ Length: > 0 } left, { Length: > 0 } right])
                return (left, right);
            throw Cursor.Error(Cursor.Describe(), "two tokens, as \"a b\" or [\"a\", \"b\"]");
        }

        public int IdOf(string token, Vocabulary vocabulary) => vocabulary.IdOf(token) ?? throw Cursor.Error(
            $"{InputText.Quoted(token)}, which isn't in the vocabulary", "a merge of two tokens into a third, all in the vocabulary");
    }
}
