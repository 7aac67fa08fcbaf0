using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Counterweight.Engine.Tokenization.Models;

/// <summary>
/// The unigram language model of SentencePiece (Kudo 2018, "Subword Regularization"): of all ways to cut a word into tokens the one with the largest sum of
/// scores. A character that is no token costs <see cref="UnknownPenalty"/> more than the worst token; a run of them is one unknown token. Ties, and sums in
/// double precision from the word's start on, are as in Hugging Face tokenizers.
/// </summary>
internal sealed class UnigramModel : IWordModel
{
    private const double UnknownPenalty = 10;
    private const int Nowhere = -1;

    private readonly Vocabulary _vocabulary;
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly int _unknownId;
    private readonly int?[]? _byteTokens;
    private readonly TokenTrie _trie = new();
    private readonly WordCache _cache = new();

    /// <param name="vocabulary">the model's own tokens, without the added ones; ids without holes</param>
    /// <param name="scores">by id</param>
    /// <param name="unknownId">the token for unknown characters</param>
    /// <param name="byteFallback">unknown characters become the tokens <c>&lt;0xNN&gt;</c> of their UTF-8 bytes, if there is one for each</param>
    public UnigramModel(Vocabulary vocabulary, double[] scores, int unknownId, bool byteFallback)
    {
        (_vocabulary, _scores, _unknownId) = (vocabulary, scores, unknownId);
        _unknownScore = scores.Min() - UnknownPenalty;
        _byteTokens = byteFallback ? ByteTokens.Ids(vocabulary) : null;
        for (var id = 0; id < scores.Length; id++)
            _trie.Add(vocabulary.TokenOf(id), id);
    }

    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        if (_cache.TryGet(word, out var cached))
        {
            ids.AddRange(cached);
            return;
        }
        var first = ids.Count;
        var places = ArrayPool<Place>.Shared.Rent(word.Length + 1);
        FindBestPath(word, places.AsSpan(0, word.Length + 1));
        AppendPath(word, places, ids);
        ArrayPool<Place>.Shared.Return(places);
        _cache.Add(word, CollectionsMarshal.AsSpan(ids)[first..]);
    }

    /// <summary>Finds for every place between characters the best token that ends there, and links the places of the best path.</summary>
    private void FindBestPath(ReadOnlySpan<char> word, Span<Place> places)
    {
        places.Fill(new Place(0, Nowhere, _unknownId, Nowhere));
        for (int start = 0, length; start < word.Length; start += length)
        {
            length = char.IsHighSurrogate(word[start]) ? 2 : 1;
            var isToken = false;
            var node = TokenTrie.Root;
            for (var end = start; end < word.Length && (node = _trie.Child(node, word[end])) != TokenTrie.None;)
            {
                end++;
                if (_trie.TokenAt(node) is not TokenTrie.None and var id)
                {
                    Offer(places, start, end, id, _scores[id]);
                    isToken |= end - start == length;
                }
            }
            if (!isToken)
                Offer(places, start, start + length, _unknownId, _unknownScore);
        }
        for (var end = word.Length; end > 0; end = places[end].Start)
            places[places[end].Start].Next = end;
    }

    private static void Offer(Span<Place> places, int start, int end, int id, double score)
    {
        var sum = score + places[start].Score;
        if (places[end].Start == Nowhere || sum > places[end].Score)
            places[end] = new Place(sum, start, id, Nowhere);
    }

    private void AppendPath(ReadOnlySpan<char> word, Place[] places, List<int> ids)
    {
        for (int start = 0, end; start < word.Length; start = end)
        {
            end = places[start].Next;
            if (places[end].Id != _unknownId)
            {
                ids.Add(places[end].Id);
                continue;
            }
            while (end < word.Length && places[places[end].Next].Id == _unknownId)
                end = places[end].Next;
            AppendUnknown(word[start..end], ids);
        }
    }

    private void AppendUnknown(ReadOnlySpan<char> run, List<int> ids)
    {
        var first = ids.Count;
        if (_vocabulary.IdOf(run) is { } whole)
        {
            ids.Add(whole);
            return;
        }
        foreach (var value in _byteTokens is null ? [] : Encoding.UTF8.GetBytes(run.ToString()))
            ids.Add(_byteTokens![value] ?? Nowhere);
        if (_byteTokens is not null && !CollectionsMarshal.AsSpan(ids)[first..].Contains(Nowhere))
            return;
        CollectionsMarshal.SetCount(ids, first);
        ids.Add(_unknownId);
    }

    /// <summary>A place between two characters: where the best token that ends here starts, the sum up to here, and where the best path goes on.</summary>
    private record struct Place(double Score, int Start, int Id, int Next);
}
