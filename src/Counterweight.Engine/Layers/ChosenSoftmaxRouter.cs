using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>The k largest logits are chosen, and their softmax among themselves, times a factor, is their weight (Shazeer et al. 2017).</summary>
internal class ChosenSoftmaxRouter(ComputeContext context, Linear gate, int topK, float factor = 1) : Router(context, gate, topK)
{
    protected override void Choose(Span<float> scores, Span<int> ids, Span<float> weights)
    {
        Layers.TopK.Select(scores, ids, weights);
        var max = weights[0];
        foreach (ref var weight in weights)
            weight = MathF.Exp(weight - max);
        Divide(weights, Sum(weights));
        if (factor != 1)
            Multiply(weights, factor);
    }
}
