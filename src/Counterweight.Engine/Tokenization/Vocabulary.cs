namespace Counterweight.Engine.Tokenization;

/// <summary>Tokens and their ids, both ways, perhaps on top of another vocabulary. Ids may have holes.</summary>
internal sealed class Vocabulary
{
    // Vocabularies have holes, but a few tokens can't ask for a table of millions.
    private const int FreeIds = 1 << 16, IdsPerToken = 8;

    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idsBySpan;
    private readonly Vocabulary? _inner;
    private string?[] _tokens = [];

    /// <param name="capacity">how many tokens will be added</param>
    /// <param name="inner">a vocabulary that this one adds to without changing it</param>
    public Vocabulary(int capacity, Vocabulary? inner = null)
    {
        _inner = inner;
        MaximumId = (int)Math.Min(int.MaxValue - 1, (inner?.MaximumId ?? FreeIds - 1) + (long)IdsPerToken * capacity);
        Size = inner?.Size ?? 0;
        _ids = new Dictionary<string, int>(capacity, StringComparer.Ordinal);
        _idsBySpan = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The highest id that a token may have.</summary>
    public int MaximumId { get; }

    /// <summary>One more than the highest id that a token has.</summary>
    public int Size { get; private set; }

    /// <summary>Adds a token with an id in 0..<see cref="MaximumId"/>; false where the token or the id is taken.</summary>
    public bool TryAdd(string token, int id)
    {
        if (TokenOf(id) is not null || IdOf(token) is not null)
            return false;
        _ids.Add(token, id);
        if (id >= _tokens.Length)
            Array.Resize(ref _tokens, Math.Max(id + 1, _tokens.Length * 2));
        _tokens[id] = token;
        Size = Math.Max(Size, id + 1);
        return true;
    }

    /// <summary>The token's id, or null where there is no such token.</summary>
    public int? IdOf(ReadOnlySpan<char> token) => _idsBySpan.TryGetValue(token, out var id) ? id : _inner?.IdOf(token);

    /// <summary>The token, or null where no token has this id.</summary>
    public string? TokenOf(int id) => ((uint)id < (uint)_tokens.Length ? _tokens[id] : null) ?? _inner?.TokenOf(id);
}
