using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>Softmax over all experts; chosen by probability + bias, weighed by probabilities over their sum, which counts as at least <paramref name="minSum"/>.</summary>
internal sealed class BiasedSoftmaxRouter(ComputeContext context, Linear gate, int topK, float[] bias, float minSum) : Router(context, gate, topK)
{
    protected override void Choose(Span<float> scores, Span<int> ids, Span<float> weights)
    {
        VectorMath.Softmax(scores);
        for (var e = 0; e < scores.Length; e++)
            scores[e] += bias[e];
        Layers.TopK.Select(scores, ids, weights);
        for (var j = 0; j < ids.Length; j++)
            weights[j] = scores[ids[j]] - bias[ids[j]];
        Divide(weights, MathF.Max(Sum(weights), minSum));
    }
}
