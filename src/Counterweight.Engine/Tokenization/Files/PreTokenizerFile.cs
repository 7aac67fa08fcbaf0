using System.Text.RegularExpressions;
using Counterweight.Engine.Tokenization.PreTokenizers;

namespace Counterweight.Engine.Tokenization.Files;

/// <summary>Reads <c>pre_tokenizer</c> into a chain that ends in the model.</summary>
internal static class PreTokenizerFile
{
    private static readonly TimeSpan LongestMatch = TimeSpan.FromSeconds(5);

    private const string ByteLevelPattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public static PreTokenizer Read(JsonCursor cursor, PreTokenizer next, Vocabulary vocabulary) => cursor["type"].String() switch
    {
        "Sequence" => cursor["pretokenizers"].Items().Reverse().Aggregate(next, (chain, item) => Read(item, chain, vocabulary)),
        "Split" => Split(cursor, next),
        "Digits" => new PatternSplit(
            Compile(cursor.Boolean("individual_digits", false) ? @"\p{N}" : @"\p{N}+", cursor),
            SplitBehavior.Isolated, invert: false, next),
        "ByteLevel" => ByteLevel(cursor, next, vocabulary),
        "Metaspace" => Metaspace(cursor, next),
        "WhitespaceSplit" => new PatternSplit(Compile(@"\s", cursor), SplitBehavior.Removed, invert: false, next),
        _ => throw cursor["type"].Error(cursor["type"].Describe(), "Sequence, Split, Digits, ByteLevel, Metaspace or WhitespaceSplit"),
    };

    /// <summary>The scheme of a Metaspace component, where older files have <c>add_prefix_space</c>.</summary>
    public static PrependScheme SchemeOf(JsonCursor metaspace)
    {
        if (metaspace.Optional("prepend_scheme") is not { } scheme)
            return metaspace.Boolean("add_prefix_space", true) ? PrependScheme.Always : PrependScheme.Never;
        return scheme.String() switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw scheme.Error(scheme.Describe(), "always, first or never"),
        };
    }

    private static PatternSplit Split(JsonCursor cursor, PreTokenizer next)
    {
        var behavior = cursor["behavior"];
        if (!Enum.TryParse<SplitBehavior>(behavior.String(), out var parsed) || !Enum.IsDefined(parsed))
            throw behavior.Error(behavior.Describe(), string.Join(", ", Enum.GetNames<SplitBehavior>()));
        return new PatternSplit(ReadPattern(cursor["pattern"]), parsed, cursor.Boolean("invert", false), next);
    }

    private static PreTokenizer ByteLevel(JsonCursor cursor, PreTokenizer next, Vocabulary vocabulary)
    {
        foreach (var character in ByteAlphabet.All)
            if (vocabulary.IdOf([character]) is null)
                throw cursor.Error(
                    $"no token '{character}' in the vocabulary", "tokens for all 256 byte characters of a ByteLevel pre-tokenizer");
        PreTokenizer chain = new BytesAsCharacters(next);
        if (cursor.Boolean("use_regex", true))
            chain = new PatternSplit(Compile(ByteLevelPattern, cursor), SplitBehavior.Isolated, invert: false, chain);
        return cursor.Boolean("add_prefix_space", true) ? new LeadingSpace(' ', PrependScheme.Always, chain) : chain;
    }

    private static LeadingSpace Metaspace(JsonCursor cursor, PreTokenizer next)
    {
        var replacement = cursor["replacement"].Character();
        if (cursor.Boolean("split", true))
            next = new PatternSplit(Compile(Regex.Escape($"{replacement}"), cursor), SplitBehavior.MergedWithNext, invert: false, next);
        return new LeadingSpace(replacement, SchemeOf(cursor), next);
    }

    /// <summary>A pattern <c>{"Regex": …}</c> or <c>{"String": …}</c>.</summary>
    public static Regex ReadPattern(JsonCursor cursor)
    {
        if (cursor.Optional("String") is { } text)
            return Compile(Regex.Escape(text.String()), text);
        if (cursor.Optional("Regex") is not { } pattern)
            throw cursor.Error("neither", "{\"Regex\": …} or {\"String\": …}");
        if (pattern.String().Contains("&&", StringComparison.Ordinal) || pattern.String().Contains("[[:", StringComparison.Ordinal))
            throw pattern.Error(pattern.Describe(), "a pattern without && and [[:class:]], which mean something else in .NET");
        return Compile(pattern.String(), pattern);
    }

    private static Regex Compile(string pattern, JsonCursor cursor)
    {
        try
        {
            // Multiline since ^ and $ match at line ends in Oniguruma, which the file's patterns are written for.
            return new Regex(pattern, RegexOptions.Compiled | RegexOptions.CultureInvariant | RegexOptions.Multiline, LongestMatch);
        }
        catch (RegexParseException e)
        {
            throw cursor.Error($"{cursor.Describe()} ({e.Message})", "a regular expression that .NET understands", e);
        }
    }
}
