using System.Runtime.Intrinsics;

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

    // The first of equal maxima, as in the original.
    private static int IndexOfMax(ReadOnlySpan<float> values)
    {
        var max = values[0];
        var i = 0;
        if (values.Length >= Vector256<float>.Count)
        {
            var lanes = Vector256.Create(values);
            for (i = Vector256<float>.Count; i <= values.Length - Vector256<float>.Count; i += Vector256<float>.Count)
                lanes = Vector256.Max(lanes, Vector256.Create(values[i..]));
            for (var lane = 0; lane < Vector256<float>.Count; lane++)
                max = Math.Max(max, lanes[lane]);
        }
        for (; i < values.Length; i++)
            max = Math.Max(max, values[i]);
        return values.IndexOf(max);
    }
}
