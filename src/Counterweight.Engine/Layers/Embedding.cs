using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Layers;

/// <summary>Token embeddings [vocabulary, hidden], read where the checkpoint is mapped.</summary>
internal sealed class Embedding(QuantizedMatrix table)
{
    /// <summary>The vector of a token, [hidden].</summary>
    public void Lookup(int token, Span<float> vector) => table.CopyRow(token, vector);
}
