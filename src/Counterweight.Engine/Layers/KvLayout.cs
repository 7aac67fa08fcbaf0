using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Layers;

/// <summary>What a model keeps for every token it has seen, and how it lies in a page.</summary>
/// <param name="Layers">Layers with attention.</param>
/// <param name="Heads">Heads of keys and values.</param>
/// <param name="HeadDim">Floats of a key.</param>
/// <param name="ValueDim">Floats of a value.</param>
/// <param name="HistoryLayers">Layers without attention that keep what they were given.</param>
/// <param name="HistoryWidth">Floats that such a layer keeps.</param>
public sealed record KvLayout(int Layers, int Heads, int HeadDim, int ValueDim, int HistoryLayers = 0, int HistoryWidth = 0)
{
    private const int Width = MatMulKernel.PanelWidth;

    /// <summary>Positions of a page: enough for long products, few enough to waste little on short texts.</summary>
    public const int PageTokens = 64;

    /// <summary>Floats from one key panel of 16 positions to the next.</summary>
    public int KeyPanelStride => HeadDim * Width;

    /// <summary>Floats from one value panel of 16 dimensions to the next.</summary>
    public const int ValuePanelStride = PageTokens * Width;

    /// <summary>Panels of 16 dimensions that hold the values of a head.</summary>
    public int ValuePanels => (ValueDim + Width - 1) / Width;

    /// <summary>Floats of a page: keys [layers, heads][4][headDim][16], values [layers, heads][valuePanels][64][16], history [historyLayers][64][historyWidth].</summary>
    public long PageFloats => HistoryStart + (long)HistoryLayers * PageTokens * HistoryWidth;

    /// <summary>Bytes of a page.</summary>
    public long PageBytes => PageFloats * sizeof(float);

    /// <summary>Pages that hold so many tokens.</summary>
    public static int PagesFor(int tokens) => (tokens + PageTokens - 1) / PageTokens;

    internal long KeysOf(int layer, int head) => (long)(layer * Heads + head) * HeadKeyFloats;

    internal long ValuesOf(int layer, int head) => (long)Layers * Heads * HeadKeyFloats + (long)(layer * Heads + head) * HeadValueFloats;

    internal long HistoryOf(int layer, int offset) => HistoryStart + ((long)layer * PageTokens + offset) * HistoryWidth;

    private int HeadKeyFloats => PageTokens / Width * KeyPanelStride;

    private int HeadValueFloats => ValuePanels * ValuePanelStride;

    private long HistoryStart => (long)Layers * Heads * (HeadKeyFloats + HeadValueFloats);
}
