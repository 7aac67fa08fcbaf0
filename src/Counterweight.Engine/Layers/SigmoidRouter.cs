using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>
/// The sigmoid router (DeepSeek-AI 2024, "DeepSeek-V3 Technical Report", section 2.1.2): s = sigmoid(logits); experts are chosen by s + bias, perhaps among
/// the best groups only; their weights are s, renormalised where the model says so, times a factor. The bias takes no part in the weights.
/// </summary>
/// <param name="context">Kernels and threads.</param>
/// <param name="gate">[experts, hidden].</param>
/// <param name="topK">Experts of a token.</param>
/// <param name="bias">[experts], or null.</param>
internal sealed class SigmoidRouter(ComputeContext context, Linear gate, int topK, float[]? bias) : Router(context, gate, topK)
{
    [ThreadStatic]
    private static float[]? _choice; // [experts], what is chosen by

    /// <summary>Groups of neighbouring experts.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>How many groups are chosen from: those whose best two experts have the largest sum.</summary>
    public int ChosenGroups { get; init; } = 1;

    /// <summary>Whether weights are divided by their sum.</summary>
    public bool Renormalise { get; init; } = true;

    /// <summary>What is added to that sum.</summary>
    public float SumEpsilon { get; init; } = 1e-20f;

    /// <summary>What weights are multiplied with in the end.</summary>
    public float Factor { get; init; } = 1;

    protected override void Choose(Span<float> scores, Span<int> ids, Span<float> weights)
    {
        System.Numerics.Tensors.TensorPrimitives.Sigmoid(scores, scores);
        if (_choice is null || _choice.Length < scores.Length)
            _choice = new float[scores.Length];
        var choice = _choice.AsSpan(0, scores.Length);
        scores.CopyTo(choice);
        for (var e = 0; bias is not null && e < choice.Length; e++)
            choice[e] += bias[e];
        if (ChosenGroups < Groups)
            ExpertGroups.KeepBest(choice, Groups, ChosenGroups, SumOfBestTwo, float.NegativeInfinity);
        Layers.TopK.Select(choice, ids, weights);
        for (var j = 0; j < ids.Length; j++)
            weights[j] = scores[ids[j]];
        if (Renormalise)
            Divide(weights, Sum(weights) + SumEpsilon);
        if (Factor != 1)
            Multiply(weights, Factor);
    }

    private static float SumOfBestTwo(ReadOnlySpan<float> group)
    {
        var (best, second) = (float.NegativeInfinity, float.NegativeInfinity);
        foreach (var score in group)
            (best, second) = score > best ? (score, best) : (best, Math.Max(second, score));
        return group.Length > 1 ? best + second : best;
    }
}
