using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies.Paper;

/// <summary>Ranks the experts of a layer, the least important first; ties go to the lower expert.</summary>
internal static class LeastImportant
{
    public static int[] Rank(PlanRequest request, ImportanceReading reading, int layer, ReadOnlySpan<long> loads, Precision low)
    {
        var scores = reading switch
        {
            ImportanceReading.WandaTop => Measured(request).WandaTop[layer],
            ImportanceReading.WandaBottom => Measured(request).WandaBottom[layer],
            ImportanceReading.Distortion => [.. Losses(request, low)[layer].Select(loss => -loss)],
            ImportanceReading.Random => Draws(request.Seed, layer, loads.Length),
            _ => ToDoubles(loads),
        };
        return [.. Enumerable.Range(0, scores.Length).OrderByDescending(expert => scores[expert]).ThenBy(expert => expert)];
    }

    private static ExpertImportance Measured(PlanRequest request) =>
        request.Importance ?? throw new InvalidInputException("importance", "none",
            "measured importance: policy paper quantizes the least important experts; calibrate the model, or set importance=random");

    private static double[][] Losses(PlanRequest request, Precision low) =>
        Measured(request).Loss.GetValueOrDefault(low)
            ?? throw new InvalidInputException("importance", $"no loss measured at {low.Name()}", "a loss at the precision of the replicas");

    private static double[] ToDoubles(ReadOnlySpan<long> loads)
    {
        var values = new double[loads.Length];
        for (var e = 0; e < values.Length; e++)
            values[e] = loads[e];
        return values;
    }

    // SplitMix64 (Steele, Lea and Flood 2014): the same numbers on every runtime.
    private static double[] Draws(ulong seed, int layer, int count)
    {
        var (state, draws) = (seed + 0x9E3779B97F4A7C15UL * ((ulong)layer << 32), new double[count]);
        for (var i = 0; i < count; i++)
        {
            state += 0x9E3779B97F4A7C15UL;
            var z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9UL;
            z = (z ^ z >> 27) * 0x94D049BB133111EBUL;
            draws[i] = z ^ z >> 31;
        }
        return draws;
    }
}
