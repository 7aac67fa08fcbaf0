using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>
/// SparseMixer (Liu et al. 2023) at inference, two experts: the best one's weight is its softmax among the logits that come near it; then the same among
/// the others. The weights do not add up to 1.
/// </summary>
/// <param name="context">Kernels and threads.</param>
/// <param name="gate">[experts, hidden].</param>
/// <param name="jitter">ε: a logit s is near the best one m if (m − s) / max(|s|, m) is at most 2ε.</param>
internal sealed class SparseMixerRouter(ComputeContext context, Linear gate, float jitter) : Router(context, gate, 2)
{
    protected override void Choose(Span<float> scores, Span<int> ids, Span<float> weights)
    {
        for (var j = 0; j < ids.Length; j++)
        {
            var taken = j == 0 ? -1 : ids[0];
            ids[j] = Best(scores, taken);
            weights[j] = 1 / NearSum(scores, scores[ids[j]], taken);
        }
    }

    private static int Best(ReadOnlySpan<float> scores, int taken)
    {
        var best = taken == 0 ? 1 : 0;
        for (var e = best + 1; e < scores.Length; e++)
            if (e != taken && scores[e] > scores[best])
                best = e;
        return best;
    }

    private float NearSum(ReadOnlySpan<float> scores, float max, int taken)
    {
        var sum = 0f;
        for (var e = 0; e < scores.Length; e++)
            if (e != taken && !((max - scores[e]) / MathF.Max(MathF.Abs(scores[e]), max) > 2 * jitter))
                sum += MathF.Exp(scores[e] - max);
        return sum;
    }
}
