using System.Text.Json;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Tokenization.Normalizers;

namespace Counterweight.Engine.Tokenization.Files;

/// <summary>Reads the tokens of the model and the added tokens.</summary>
internal static class VocabularyFile
{
    /// <summary>Reads <c>model.vocab</c>: an object of token → id.</summary>
    public static Vocabulary ReadTokens(JsonCursor cursor)
    {
        cursor.Require(JsonValueKind.Object, "an object of tokens and their ids");
        var vocabulary = new Vocabulary(cursor.Element.GetPropertyCount());
        foreach (var property in cursor.Element.EnumerateObject())
        {
            var token = property.Name;
            // A cursor's path is text, too dear for each of hundreds of thousands of entries: it is made where something is wrong.
            var value = property.Value;
            if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out var id) || (uint)id > vocabulary.MaximumId)
                id = Entry(cursor, token, value).Integer(0, vocabulary.MaximumId);
            if (!vocabulary.TryAdd(token, id))
                throw Entry(cursor, token, value).Error(
                    vocabulary.TokenOf(id) is { } other ? $"id {id}, which {InputText.Quoted(other)} has too" : "the token a second time", "an id of its own");
        }
        return vocabulary;
    }

    /// <summary>Reads <c>added_tokens</c> and puts those on top of the model's vocabulary that it lacks.</summary>
    public static (Vocabulary All, IReadOnlyList<AddedToken> Added) ReadAddedTokens(JsonCursor root, Vocabulary ofModel)
    {
        var tokens = new List<AddedToken>();
        JsonCursor[] added = [.. root.Optional("added_tokens")?.Items() ?? []];
        var vocabulary = new Vocabulary(added.Length, ofModel);
        foreach (var cursor in added)
        {
            var token = ReadAddedToken(cursor, vocabulary.MaximumId);
            if (vocabulary.IdOf(token.Content) is { } known ? known != token.Id : !vocabulary.TryAdd(token.Content, token.Id))
                throw cursor.Error(
                    $"{InputText.Quoted(token.Content)} with id {token.Id}, while {Owner(vocabulary, token)}",
                    "one id for a token, one token for an id");
            tokens.Add(token);
        }
        return (vocabulary, tokens);
    }

    /// <summary>A splitter for the tokens by what they look like in the text, or null where there are none.</summary>
    public static AddedTokenSplitter? SplitterOf(IEnumerable<AddedToken> tokens, Normalizer? normalizer)
    {
        var byContent = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (var token in tokens)
            if ((normalizer?.Normalize(token.Content) ?? token.Content) is { Length: > 0 } content)
                byContent.TryAdd(content, token);
        return byContent.Count > 0 ? new AddedTokenSplitter(byContent) : null;
    }

    private static AddedToken ReadAddedToken(JsonCursor cursor, int maximumId)
    {
        var content = cursor["content"];
        if (content.String().Length == 0)
            throw content.Error("an empty string", "the text of a token");
        return new AddedToken(
            content.String(), cursor["id"].Integer(0, maximumId), cursor.Boolean("single_word", false),
            cursor.Boolean("lstrip", false), cursor.Boolean("rstrip", false), cursor.Boolean("normalized", true),
            cursor.Boolean("special", false));
    }

    private static string Owner(Vocabulary vocabulary, AddedToken token) => vocabulary.IdOf(token.Content) is { } id
        ? $"the vocabulary gives it id {id}"
        : $"id {token.Id} is that of {InputText.Quoted(vocabulary.TokenOf(token.Id)!)}";

    private static JsonCursor Entry(JsonCursor vocabulary, string token, JsonElement id) =>
        vocabulary with { Path = $"{vocabulary.Path}[{InputText.Quoted(token)}]", Element = id };
}
