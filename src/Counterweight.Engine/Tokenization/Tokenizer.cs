using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints.Gguf;
using Counterweight.Engine.Tokenization.Files;
using Counterweight.Engine.Tokenization.Gguf;

namespace Counterweight.Engine.Tokenization;

/// <summary>
/// Text to token ids and back, as a <c>tokenizer.json</c> (Hugging Face tokenizers) with a byte-pair or unigram model says. Immutable; safe for
/// concurrent use.
/// </summary>
/// <remarks>
/// A text runs through: added tokens cut out, normalizer, added tokens that are looked for in normalized text, pre-tokenizers, model,
/// special tokens around it. Lone surrogates count as U+FFFD. The file's <c>truncation</c> and <c>padding</c> are not applied.
/// </remarks>
public sealed class Tokenizer
{
    private readonly TokenizerParts _parts;
    private readonly HashSet<int> _specialIds;

    internal Tokenizer(TokenizerParts parts)
    {
        _parts = parts;
        _specialIds = [.. parts.AddedTokens.Where(token => token.Special).Select(token => token.Id)];
    }

    /// <summary>Reads a <c>tokenizer.json</c>, or what a GGUF file has in its metadata.</summary>
    /// <param name="path">the file; a <c>tokenizer.json</c> of at most 256 MiB</param>
    /// <exception cref="InvalidInputException">the file can't be read, isn't a tokenizer, contradicts itself, or names a component
    /// that isn't supported</exception>
    public static Tokenizer Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            return new Tokenizer(TokenizerFile.Read(path));
        using var file = GgufFile.Open(path);
        return Of(file.Metadata);
    }

    /// <summary>The tokenizer that the metadata of a GGUF file describes.</summary>
    /// <exception cref="InvalidInputException">it has none, contradicts itself, or names a kind that isn't supported</exception>
    internal static Tokenizer Of(GgufMetadata metadata) => new(TokenizerFile.Parse(metadata.File, GgufTokenizerFile.Make(metadata)));

    /// <summary>One more than the highest token id; ids below it may be without a token.</summary>
    public int VocabularySize => _parts.Vocabulary.Size;

    /// <summary>The ids of the special tokens (those that a decoder may skip), ascending.</summary>
    public IReadOnlyList<int> SpecialIds => [.. _specialIds.Order()];

    internal TokenizerParts Parts => _parts;

    /// <summary>The ids of the text.</summary>
    /// <param name="text">any text; added tokens inside it become their ids</param>
    /// <param name="addSpecialTokens">whether to put the special tokens around it that the file's post-processor names</param>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3 + 2);
        Encode(text, ids, addSpecialTokens);
        return [.. ids];
    }

    /// <summary>Appends the ids of the text.</summary>
    /// <inheritdoc cref="Encode(string, bool)"/>
    /// <param name="text">any text; added tokens inside it become their ids</param>
    /// <param name="ids">the list to append to</param>
    /// <param name="addSpecialTokens">whether to put the special tokens around it that the file's post-processor names</param>
    public void Encode(ReadOnlySpan<char> text, List<int> ids, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(ids);
        if (addSpecialTokens)
            ids.AddRange(_parts.Before);
        text = WithoutLoneSurrogates(text);
        if (_parts.LiteralTokens is not { } tokens)
            EncodePlain(text, atTextStart: true, ids);
        else
            foreach (var segment in tokens.Split(text))
                if (segment.TokenId >= 0)
                    ids.Add(segment.TokenId);
                else
                    EncodePlain(text.Slice(segment.Start, segment.Length), segment.Start == 0, ids);
        if (addSpecialTokens)
            ids.AddRange(_parts.After);
    }

    /// <summary>The text of the ids. Bytes that aren't valid UTF-8 become U+FFFD.</summary>
    /// <param name="ids">token ids; those that name no token add nothing</param>
    /// <param name="skipSpecialTokens">whether special tokens are left out</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        var text = new StringBuilder();
        var decoder = _parts.Decoders.Start(text, isStreaming: false);
        foreach (var id in ids)
            if (VisibleToken(id, skipSpecialTokens) is { } token)
                decoder.Add(token);
        decoder.Finish();
        return text.ToString();
    }

    /// <summary>The id of a token as the vocabulary spells it, or null where there is no such token.</summary>
    public int? IdOf(string token) => _parts.Vocabulary.IdOf(token);

    /// <summary>The token as the vocabulary spells it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">no token has this id</exception>
    public string TokenOf(int id) =>
        _parts.Vocabulary.TokenOf(id) ?? throw new ArgumentOutOfRangeException(nameof(id), id, "no token has this id");

    /// <summary>Whether the id names a special token.</summary>
    public bool IsSpecial(int id) => _specialIds.Contains(id);

    internal string? VisibleToken(int id, bool skipSpecialTokens) =>
        skipSpecialTokens && IsSpecial(id) ? null : _parts.Vocabulary.TokenOf(id);

    /// <summary>Encodes a text without literal added tokens.</summary>
    private void EncodePlain(ReadOnlySpan<char> text, bool atTextStart, List<int> ids)
    {
        if (_parts.Normalizer is { } normalizer)
            text = normalizer.Normalize(text.ToString());
        if (_parts.NormalizedTokens is not { } tokens)
        {
            _parts.PreTokenizer.Encode(text, atTextStart, ids);
            return;
        }
        foreach (var segment in tokens.Split(text))
            if (segment.TokenId >= 0)
                ids.Add(segment.TokenId);
            else
                _parts.PreTokenizer.Encode(text.Slice(segment.Start, segment.Length), atTextStart && segment.Start == 0, ids);
    }

    private static ReadOnlySpan<char> WithoutLoneSurrogates(ReadOnlySpan<char> text)
    {
        for (var i = text.IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text[i..], out _, out var length) != OperationStatus.Done)
                return Encoding.Unicode.GetString(MemoryMarshal.AsBytes(text));
            i += length;
        }
        return text;
    }
}
