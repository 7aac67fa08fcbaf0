using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Counterweight.Engine.Tokenization.Models;

/// <summary>
/// Ids of words encoded lately. A word has one place, which the next word with the same place takes over: memory stays bounded. Safe for
/// concurrent use: entries never change, and a place is read and written in one go.
/// </summary>
internal sealed class WordCache
{
    public const int MaximumWordLength = 256;
    private const int PlacesLog = 16;
    private const ulong Spread = 0x9E3779B97F4A7C15;

    private readonly Entry?[] _places = new Entry?[1 << PlacesLog];

    public bool TryGet(ReadOnlySpan<char> word, [NotNullWhen(true)] out int[]? ids)
    {
        ids = null;
        if (word.Length > MaximumWordLength)
            return false;
        var hash = HashOf(word);
        if (Volatile.Read(ref _places[PlaceOf(hash)]) is { } entry && entry.Hash == hash && word.SequenceEqual(entry.Word))
            ids = entry.Ids;
        return ids is not null;
    }

    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<int> ids)
    {
        if (word.Length > MaximumWordLength)
            return;
        var hash = HashOf(word);
        Volatile.Write(ref _places[PlaceOf(hash)], new Entry(hash, word.ToString(), ids.ToArray()));
    }

    private static int PlaceOf(ulong hash) => (int)(hash >> (64 - PlacesLog));

    /// <summary>Cheap; words that share a hash cost time only.</summary>
    private static ulong HashOf(ReadOnlySpan<char> word)
    {
        var hash = (ulong)word.Length;
        foreach (var four in MemoryMarshal.Cast<char, ulong>(word))
            hash = Mix(hash, four);
        foreach (var character in word[(word.Length & ~3)..])
            hash = Mix(hash, character);
        return hash * Spread;
    }

    private static ulong Mix(ulong hash, ulong value)
    {
        hash = (hash ^ value) * Spread;
        return hash ^ (hash >> 32);
    }

    private sealed record Entry(ulong Hash, string Word, int[] Ids);
}
