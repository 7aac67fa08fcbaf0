using System.Numerics.Tensors;

namespace Counterweight.Engine.Quantization;

/// <summary>Wanda scores S = |W|·‖X‖₂ (Sun et al. 2023) and the two ways in which the R&amp;Q paper averages them.</summary>
internal static class WandaScore
{
    /// <summary>S, [outputs, inputs].</summary>
    /// <param name="weights">[outputs, inputs].</param>
    /// <param name="inputNorms">‖X‖₂ of each input column, [inputs].</param>
    public static float[] Scores(ReadOnlySpan<float> weights, ReadOnlySpan<float> inputNorms)
    {
        var scores = new float[weights.Length];
        TensorPrimitives.Abs(weights, scores);
        for (var row = 0; row < weights.Length; row += inputNorms.Length)
            TensorPrimitives.Multiply(scores.AsSpan(row, inputNorms.Length), inputNorms, scores.AsSpan(row, inputNorms.Length));
        return scores;
    }

    /// <summary>The listing (R&amp;Q, algorithm 2): mean of the first int(inputs · s) of all scores in falling order.</summary>
    public static double ListingTop(float[] scores, int inputs, double s) => Mean(Sorted(scores).AsSpan(^Math.Max(1, (int)(inputs * s))..));

    /// <summary>The highest int(size · s) scores.</summary>
    public static double TopFraction(float[] scores, double s) => Mean(Sorted(scores).AsSpan(^Math.Max(1, (int)(scores.Length * s))..));

    /// <summary>The prose (R&amp;Q, section 2.4): mean of the lowest int(size · s) scores.</summary>
    public static double ProseBottom(float[] scores, double s) => Mean(Sorted(scores).AsSpan(..Math.Max(1, (int)(scores.Length * s))));

    private static float[] Sorted(float[] scores)
    {
        var sorted = (float[])scores.Clone();
        Array.Sort(sorted);
        return sorted;
    }

    private static double Mean(ReadOnlySpan<float> values)
    {
        var sum = 0.0;
        foreach (var value in values)
            sum += value;
        return sum / values.Length;
    }
}
