using Counterweight.Engine.Models;

namespace Counterweight.Engine.Experts;

/// <summary>All experts of a layer in two tensors.</summary>
internal static class StackedExperts
{
    /// <summary>Where one of them lies.</summary>
    /// <param name="gateUp">[experts, 2 · intermediate, hidden]: gate rows, then up rows.</param>
    /// <param name="down">[experts, hidden, intermediate].</param>
    /// <param name="expert">Which one.</param>
    /// <param name="shape">Sizes.</param>
    public static ExpertPlaces At(string gateUp, string down, int expert, ModelShape shape)
    {
        var (hidden, width) = (shape.Hidden, shape.ExpertIntermediate);
        var first = (long)expert * 2 * width * hidden;
        int[] fused = [shape.Experts, 2 * width, hidden];
        return new ExpertPlaces(
            new WeightPlace(gateUp, fused, width, hidden, first, hidden, 1),
            new WeightPlace(gateUp, fused, width, hidden, first + (long)width * hidden, hidden, 1),
            new WeightPlace(down, [shape.Experts, hidden, width], hidden, width, (long)expert * hidden * width, width, 1));
    }
}
