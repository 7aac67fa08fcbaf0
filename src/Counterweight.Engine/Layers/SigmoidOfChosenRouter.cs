using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>The k largest logits are chosen; the sigmoid of each is its weight.</summary>
internal sealed class SigmoidOfChosenRouter(ComputeContext context, Linear gate, int topK) : Router(context, gate, topK)
{
    protected override void Choose(Span<float> scores, Span<int> ids, Span<float> weights)
    {
        Layers.TopK.Select(scores, ids, weights);
        foreach (ref var weight in weights)
            weight = 1 / (1 + MathF.Exp(-weight));
    }
}
