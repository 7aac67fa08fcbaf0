using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>The softmax router: probabilities over all experts, the k largest chosen, their weights renormalised where the model says so.</summary>
public sealed class TopKRouter(ComputeContext context, Linear gate, int topK, bool renormalise) : Router(context, gate, topK)
{
    /// <inheritdoc/>
    protected override void Choose(Span<float> scores, Span<int> ids, Span<float> weights)
    {
        VectorMath.Softmax(scores);
        Layers.TopK.Select(scores, ids, weights);
        if (renormalise)
            Divide(weights, Sum(weights));
    }
}
