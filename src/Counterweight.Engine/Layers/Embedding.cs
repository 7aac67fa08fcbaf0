using Counterweight.Engine.Checkpoints;

namespace Counterweight.Engine.Layers;

/// <summary>Token embeddings [vocabulary, hidden], read where the checkpoint is mapped.</summary>
internal sealed class Embedding(TensorView table, int hidden)
{
    /// <summary>The vector of a token, [hidden].</summary>
    public void Lookup(int token, Span<float> vector) => table.CopyTo((long)token * hidden, vector);
}
