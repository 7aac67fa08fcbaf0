using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>
/// The softmax router of DeepSeek-V2 (DeepSeek-AI 2024, section 2.2): probabilities over all experts, the k largest chosen, perhaps among the groups
/// with the largest single probability only; weights are probabilities times a factor, or, where the model renormalises, without it.
/// </summary>
internal sealed class GroupLimitedRouter(ComputeContext context, Linear gate, int topK, float factor, bool renormalise) : Router(context, gate, topK)
{
    /// <summary>Groups of neighbouring experts.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>How many groups are chosen from.</summary>
    public int ChosenGroups { get; init; } = 1;

    protected override void Choose(Span<float> scores, Span<int> ids, Span<float> weights)
    {
        VectorMath.Softmax(scores);
        if (ChosenGroups < Groups)
            ExpertGroups.KeepBest(scores, Groups, ChosenGroups, System.Numerics.Tensors.TensorPrimitives.Max<float>, 0);
        Layers.TopK.Select(scores, ids, weights);
        // As published: a model that renormalises does not scale.
        if (renormalise && weights.Length > 1)
            Divide(weights, Sum(weights) + 1e-20f);
        else
            Multiply(weights, factor);
    }
}
