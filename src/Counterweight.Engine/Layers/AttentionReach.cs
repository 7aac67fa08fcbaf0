namespace Counterweight.Engine.Layers;

/// <summary>Which keys up to its own a query sees. The default is all of them.</summary>
public readonly record struct AttentionReach
{
    private readonly int _window;
    private readonly int _chunk;

    private AttentionReach(int window, int chunk)
    {
        _window = window;
        _chunk = chunk;
    }

    /// <summary>All keys up to the query's own.</summary>
    public static AttentionReach Full => default;

    /// <summary>The last <paramref name="width"/> keys, the query's own counted (Beltagy et al. 2020).</summary>
    public static AttentionReach Window(int width) => new(width, 0);

    /// <summary>The keys of the query's own chunk of <paramref name="length"/> positions.</summary>
    public static AttentionReach Chunk(int length) => new(0, length);

    /// <summary>The first key that the query at <paramref name="position"/> sees.</summary>
    public int FirstKey(int position) =>
        _window > 0 ? Math.Max(0, position - _window + 1)
        : _chunk > 0 ? position / _chunk * _chunk
        : 0;
}
