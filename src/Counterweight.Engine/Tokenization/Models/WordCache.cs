using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Counterweight.Engine.Tokenization.Models;

/// <summary>
/// Ids of words already encoded. It stops taking words when it is full: the frequent ones come early, and memory stays bounded.
/// Safe for concurrent use.
/// </summary>
internal sealed class WordCache
{
    public const int MaximumWordLength = 256;
    private const int MaximumWords = 1 << 16;

    private readonly ConcurrentDictionary<string, int[]> _words = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _wordsBySpan;
    private int _count;

    public WordCache() => _wordsBySpan = _words.GetAlternateLookup<ReadOnlySpan<char>>();

    public bool TryGet(ReadOnlySpan<char> word, [NotNullWhen(true)] out int[]? ids)
    {
        ids = null;
        return word.Length <= MaximumWordLength && _wordsBySpan.TryGetValue(word, out ids);
    }

    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<int> ids)
    {
        if (word.Length <= MaximumWordLength && Volatile.Read(ref _count) < MaximumWords && _wordsBySpan.TryAdd(word, ids.ToArray()))
            Interlocked.Increment(ref _count);
    }
}
