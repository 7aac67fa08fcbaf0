using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Layers;

/// <summary>What a model keeps for every token it has seen, and how it lies in a page.</summary>
/// <param name="Layers">Layers with attention.</param>
/// <param name="Heads">Heads of keys and values.</param>
/// <param name="HeadDim">Elements of a key.</param>
/// <param name="ValueDim">Elements of a value.</param>
/// <param name="Precision">What keys and values are kept as: fp32 or bf16.</param>
/// <param name="HistoryLayers">Layers without attention that keep what they were given.</param>
/// <param name="HistoryWidth">Floats that such a layer keeps.</param>
public sealed record KvLayout(
    int Layers, int Heads, int HeadDim, int ValueDim, Precision Precision = Precision.Fp32, int HistoryLayers = 0, int HistoryWidth = 0)
{
    private const int Width = MatMulKernel.PanelWidth;

    /// <summary>Positions of a page: enough for long products, few enough to waste little on short texts.</summary>
    public const int PageTokens = 64;

    /// <summary>Bytes from one key panel of 16 positions to the next.</summary>
    public int KeyPanelBytes => PanelBytes(HeadDim);

    /// <summary>Inputs of a key panel, those included that fill it up with zeros.</summary>
    public int KeyInputs => KeyPanelBytes / Width / (Precision == Precision.Bf16 ? sizeof(ushort) : sizeof(float));

    /// <summary>Bytes from one value panel of 16 dimensions to the next.</summary>
    public int ValuePanelBytes => PanelBytes(PageTokens);

    /// <summary>Panels of 16 dimensions that hold the values of a head.</summary>
    public int ValuePanels => (ValueDim + Width - 1) / Width;

    /// <summary>
    /// Bytes of a page: [layers, heads] of keys [4][headDim][16] and values [valuePanels][64][16], in the order in which attention reads them, then
    /// history [historyLayers][64][historyWidth].
    /// </summary>
    public long PageBytes => HistoryStart + (long)HistoryLayers * PageTokens * HistoryWidth * sizeof(float);

    /// <summary>Pages that hold so many tokens.</summary>
    public static int PagesFor(int tokens) => (tokens + PageTokens - 1) / PageTokens;

    internal long KeysOf(int layer, int head) => (long)(layer * Heads + head) * HeadBytes;

    internal long ValuesOf(int layer, int head) => KeysOf(layer, head) + HeadKeyBytes;

    internal long HistoryOf(int layer, int offset) => HistoryStart + ((long)layer * PageTokens + offset) * HistoryWidth * sizeof(float);

    private int HeadBytes => HeadKeyBytes + ValuePanels * ValuePanelBytes;

    private int HeadKeyBytes => PageTokens / Width * KeyPanelBytes;

    private long HistoryStart => (long)Layers * Heads * HeadBytes;

    /// <summary>16-bit values lie in pairs of neighbouring inputs, filled up as <see cref="MatMulKernel.MultiplyRoundedPanels"/> reads them.</summary>
    private int PanelBytes(int inputs) => Width * (Precision == Precision.Bf16 ? MatMulKernel.QuantizedRowBytes(ActivationFormat.BFloat16, inputs) : inputs * sizeof(float));
}
