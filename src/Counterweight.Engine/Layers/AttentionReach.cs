namespace Counterweight.Engine.Layers;

/// <summary>Which keys a query sees. The default is all up to its own.</summary>
public readonly record struct AttentionReach
{
    private readonly int _window;
    private readonly int _chunk;
    private readonly bool _later;

    private AttentionReach(int window, int chunk, bool later = false, bool ofSource = false)
    {
        (_window, _chunk, _later) = (window, chunk, later);
        OfSource = ofSource;
    }

    /// <summary>All keys up to the query's own.</summary>
    public static AttentionReach Full => default;

    /// <summary>The last <paramref name="width"/> keys, the query's own counted (Beltagy et al. 2020).</summary>
    public static AttentionReach Window(int width) => new(width, 0);

    /// <summary>The keys of the query's own chunk of <paramref name="length"/> positions.</summary>
    public static AttentionReach Chunk(int length) => new(0, length);

    /// <summary>All keys of the text, those behind the query as well, as in an encoder.</summary>
    public static AttentionReach Everything => new(0, 0, later: true);

    /// <summary>All keys of the source that an encoder has read.</summary>
    public static AttentionReach Source => new(0, 0, later: true, ofSource: true);

    /// <summary>Whether keys are those of the sequence's source.</summary>
    public bool OfSource { get; }

    /// <summary>One behind the last key that the query at <paramref name="position"/> sees, of <paramref name="keys"/>.</summary>
    public int EndKey(int position, int keys) => _later ? keys : position + 1;

    /// <summary>The first key that the query at <paramref name="position"/> sees.</summary>
    public int FirstKey(int position) =>
        _window > 0 ? Math.Max(0, position - _window + 1)
        : _chunk > 0 ? position / _chunk * _chunk
        : 0;
}
