using System.Text.Json;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Tokenization.Models;

namespace Counterweight.Engine.Tokenization.Files;

/// <summary>Reads a <c>model</c> of the type Unigram, whose <c>vocab</c> is a list of tokens with scores.</summary>
internal static class UnigramFile
{
    public static Vocabulary ReadTokens(JsonCursor cursor)
    {
        cursor.Require(JsonValueKind.Array, "an array of tokens and their scores");
        var vocabulary = new Vocabulary(cursor.Element.GetArrayLength());
        foreach (var (token, _, index) in Entries(cursor))
            if (!vocabulary.TryAdd(token, index))
                throw Entry(cursor, index).Error($"{InputText.Quoted(token)} a second time", "every token once");
        return vocabulary;
    }

    public static UnigramModel Read(JsonCursor cursor, Vocabulary vocabulary)
    {
        double[] scores = [.. Entries(cursor["vocab"]).Select(entry => entry.Score)];
        if (scores.Length == 0)
            throw cursor["vocab"].Error("no tokens", "at least the one for unknown characters");
        return new UnigramModel(vocabulary, scores, cursor["unk_id"].Integer(0, scores.Length - 1), cursor.Boolean("byte_fallback", false));
    }

    private static IEnumerable<(string Token, double Score, int Index)> Entries(JsonCursor cursor)
    {
        var index = 0;
        foreach (var element in cursor.Element.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Array || element.GetArrayLength() != 2 || element[0].ValueKind != JsonValueKind.String
                || element[1].ValueKind != JsonValueKind.Number || !double.IsFinite(element[1].GetDouble()))
                throw Entry(cursor, index).Error(Entry(cursor, index).Describe(), "a token and its score");
            yield return (element[0].GetString()!, element[1].GetDouble(), index++);
        }
    }

    /// <summary>An entry's path is made only where something is wrong.</summary>
    private static JsonCursor Entry(JsonCursor vocabulary, int index) =>
        vocabulary with { Path = $"{vocabulary.Path}[{index}]", Element = vocabulary.Element[index] };
}
