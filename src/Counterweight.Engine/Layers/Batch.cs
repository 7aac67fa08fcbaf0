namespace Counterweight.Engine.Layers;

/// <summary>
/// The tokens of one forward pass: for each sequence the ids that follow what its cache holds, one after another without padding.
/// Reused from pass to pass.
/// </summary>
public sealed class Batch
{
    private readonly List<(KvSequence Cache, int FirstRow, int Rows)> _chunks = [];
    private int[] _tokens = [];
    private int[] _positions = [];

    /// <summary>What an encoder is to read before, for sequences that begin; null without an encoder.</summary>
    public Batch? Sources { get; private set; }

    /// <summary>Number of tokens.</summary>
    public int Rows { get; private set; }

    /// <summary>Number of sequences.</summary>
    public int Sequences => _chunks.Count;

    /// <summary>The ids, [Rows].</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Rows);

    /// <summary>Each token's position in its sequence, [Rows].</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Rows);

    /// <summary>The cache of a sequence, and its rows.</summary>
    public (KvSequence Cache, int FirstRow, int Rows) this[int sequence] => _chunks[sequence];

    /// <summary>Whether every sequence brings one token and has a cache already: a decoding step.</summary>
    public bool IsDecode => Rows > 0 && Rows == _chunks.Count && _chunks.TrueForAll(chunk => chunk.Cache.Length > 0);

    /// <summary>Takes all sequences out.</summary>
    public void Clear()
    {
        _chunks.Clear();
        Rows = 0;
        Sources?.Clear();
    }

    /// <summary>Adds a sequence that begins: what the encoder is to read, and the decoder's first tokens.</summary>
    public void Add(KvSequence cache, ReadOnlySpan<int> source, ReadOnlySpan<int> tokens)
    {
        (Sources ??= new Batch()).Add(cache.Source ?? throw new ArgumentException("The sequence has no source.", nameof(cache)), source);
        Add(cache, tokens);
    }

    /// <summary>Adds the next tokens of a sequence; each sequence at most once.</summary>
    public void Add(KvSequence cache, ReadOnlySpan<int> tokens)
    {
        if (_tokens.Length < Rows + tokens.Length)
        {
            Array.Resize(ref _tokens, Math.Max(Rows + tokens.Length, _tokens.Length * 2));
            Array.Resize(ref _positions, _tokens.Length);
        }
        tokens.CopyTo(_tokens.AsSpan(Rows));
        for (var i = 0; i < tokens.Length; i++)
            _positions[Rows + i] = cache.Length + i;
        _chunks.Add((cache, Rows, tokens.Length));
        Rows += tokens.Length;
    }
}
