namespace Counterweight.Balancing.Policies.Eplb;

/// <summary>Gives every further slot to the expert with the largest load per copy: the smallest possible hottest copy.</summary>
internal static class ExpertReplication
{
    /// <summary>Chooses the expert of each slot: first every expert once, then the replicas in the order in which they are given.</summary>
    /// <param name="weights">Load of each expert, [experts], not negative.</param>
    /// <param name="copies">Receives the copies of each expert, [experts].</param>
    /// <param name="slotExperts">Receives the expert of each slot, [slots].</param>
    /// <param name="perCopy">Receives load / copies of each expert, [experts].</param>
    public static void Replicate(ReadOnlySpan<float> weights, Span<int> copies, Span<int> slotExperts, Span<float> perCopy)
    {
        weights.CopyTo(perCopy);
        copies.Fill(1);
        for (var e = 0; e < weights.Length; e++)
            slotExperts[e] = e;
        for (var s = weights.Length; s < slotExperts.Length; s++)
        {
            var hottest = IndexOfMax(perCopy);
            slotExperts[s] = hottest;
            perCopy[hottest] = weights[hottest] / ++copies[hottest];
        }
    }

    private static int IndexOfMax(ReadOnlySpan<float> values)
    {
        var best = 0;
        for (var i = 1; i < values.Length; i++)
            if (values[i] > values[best])
                best = i;
        return best;
    }
}
