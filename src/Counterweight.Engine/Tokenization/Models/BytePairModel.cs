using System.Text;

namespace Counterweight.Engine.Tokenization.Models;

/// <summary>How the model treats what its vocabulary lacks.</summary>
/// <param name="UnknownId">the token for unknown characters, or null: they vanish</param>
/// <param name="FuseUnknown">a run of unknown characters is one token</param>
/// <param name="ByteFallback">an unknown character becomes the tokens <c>&lt;0xNN&gt;</c> of its UTF-8 bytes</param>
/// <param name="IgnoreMerges">a word that is a token as a whole isn't merged from its parts</param>
internal sealed record BytePairOptions(int? UnknownId, bool FuseUnknown, bool ByteFallback, bool IgnoreMerges);

/// <summary>Byte-pair encoding (Sennrich et al. 2016).</summary>
internal sealed class BytePairModel : IWordModel
{
    private const int Absent = -1;
    private const int MaximumKeptCapacity = 1 << 16;

    [ThreadStatic]
    private static SymbolMerger? _merger;

    private readonly Vocabulary _vocabulary;
    private readonly MergeTable _merges;
    private readonly BytePairOptions _options;
    private readonly WordCache _cache = new();
    private readonly int[] _byCharacter = new int[char.MaxValue + 1];
    private readonly int[] _byByte = [];

    /// <param name="vocabulary">the model's own tokens, without the added ones</param>
    /// <param name="merges">over its ids</param>
    /// <param name="options">what to do with what it lacks</param>
    public BytePairModel(Vocabulary vocabulary, MergeTable merges, BytePairOptions options)
    {
        (_vocabulary, _merges, _options) = (vocabulary, merges, options);
        Array.Fill(_byCharacter, Absent);
        for (var id = 0; id < vocabulary.Size; id++)
            if (vocabulary.TokenOf(id) is [var character])
                _byCharacter[character] = id;
        if (options.ByteFallback)
            _byByte = [.. ByteTokens.Ids(vocabulary).Select(id => id ?? Absent)];
    }

    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        if (word.Length > WordCache.MaximumWordLength && !_options.IgnoreMerges)
            EncodeInParts(word, ids);
        else
            EncodePart(word, ids);
    }

    /// <summary>
    /// Without pre-tokenizers a whole text is one word. Cut where no merge can reach across, its parts have the same tokens, and the
    /// cache knows most of them.
    /// </summary>
    private void EncodeInParts(ReadOnlySpan<char> word, List<int> ids)
    {
        var start = 0;
        for (var i = 1; i < word.Length; i++)
        {
            var isCut = _byCharacter[word[i - 1]] != Absent && _byCharacter[word[i]] != Absent && !_merges.Joins(word[i - 1], word[i]);
            if (!isCut)
                continue;
            EncodePart(word[start..i], ids);
            start = i;
        }
        EncodePart(word[start..], ids);
    }

    private void EncodePart(ReadOnlySpan<char> word, List<int> ids)
    {
        if (_cache.TryGet(word, out var cached))
        {
            ids.AddRange(cached);
            return;
        }
        var merger = _merger ??= new SymbolMerger();
        merger.Clear();
        if (_options.IgnoreMerges && _vocabulary.IdOf(word) is { } whole)
        {
            merger.Append(whole);
        }
        else
        {
            AppendCharacters(word, merger);
            merger.Merge(_merges);
        }
        _cache.Add(word, merger.Symbols);
        ids.AddRange(merger.Symbols);
        if (merger.Capacity > MaximumKeptCapacity)
            _merger = null;
    }

    private void AppendCharacters(ReadOnlySpan<char> word, SymbolMerger symbols)
    {
        var afterUnknown = false;
        for (int i = 0, length; i < word.Length; i += length)
        {
            length = char.IsHighSurrogate(word[i]) ? 2 : 1;
            var character = word.Slice(i, length);
            var id = length == 1 ? _byCharacter[word[i]] : _vocabulary.IdOf(character) ?? Absent;
            var isUnknown = false;
            if (id != Absent)
                symbols.Append(id);
            else if (_options.ByteFallback)
                AppendBytes(character, symbols);
            else if (_options.UnknownId is { } unknown)
            {
                isUnknown = true;
                if (!(afterUnknown && _options.FuseUnknown))
                    symbols.Append(unknown);
            }
            afterUnknown = isUnknown;
        }
    }

    private void AppendBytes(ReadOnlySpan<char> character, SymbolMerger symbols)
    {
        Span<byte> bytes = stackalloc byte[4];
        foreach (var value in bytes[..Encoding.UTF8.GetBytes(character, bytes)])
            symbols.Append(_byByte[value]);
    }
}
