namespace Counterweight.Engine.Layers;

/// <summary>Choosing among the best groups of experts only (DeepSeek-AI 2024, "DeepSeek-V2", section 2.2.2).</summary>
internal static class ExpertGroups
{
    /// <summary>What a group is worth.</summary>
    public delegate float GroupScore(ReadOnlySpan<float> scores);

    /// <summary>Overwrites the scores of all groups but the best; equal groups go to the lower one.</summary>
    /// <param name="scores">[experts], groups one after another.</param>
    /// <param name="groups">Number of groups, a divisor of the experts, at most 256.</param>
    /// <param name="kept">How many are kept.</param>
    /// <param name="scoreOf">What a group is worth.</param>
    /// <param name="excluded">What the others get.</param>
    public static void KeepBest(Span<float> scores, int groups, int kept, GroupScore scoreOf, float excluded)
    {
        var size = scores.Length / groups;
        Span<float> worth = stackalloc float[groups];
        Span<int> best = stackalloc int[kept];
        Span<float> bestWorth = stackalloc float[kept];
        for (var g = 0; g < groups; g++)
            worth[g] = scoreOf(scores.Slice(g * size, size));
        TopK.Select(worth, best, bestWorth);
        for (var g = 0; g < groups; g++)
            if (!best.Contains(g))
                scores.Slice(g * size, size).Fill(excluded);
    }
}
