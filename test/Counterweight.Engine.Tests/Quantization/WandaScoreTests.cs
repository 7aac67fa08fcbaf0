using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Quantization;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Quantization;

public class WandaScoreTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Scores_and_their_three_averages_are_those_of_the_reference(int matrix)
    {
        using var golden = SafetensorsFile.Open(GoldenFiles.Shared("goldens", "quant", "wanda.safetensors"));
        var input = golden.Get($"{matrix}.input");
        var inputs = (int)input.Shape[1];
        var x = input.ToFloats();
        var norms = Enumerable.Range(0, inputs).Select(i => Norm(x.Where((_, at) => at % inputs == i)));
        var scores = WandaScore.Scores(golden.Get($"{matrix}.weight").ToFloats(), norms.ToArray());
        var expected = golden.Get($"{matrix}.score").ToFloats();
        Assert.Equal(expected.Length, scores.Length);
        for (var i = 0; i < scores.Length; i++)
            Assert.Equal(1, Ratio(scores[i], expected[i]), 1e-6);
        foreach (var (name, s) in ((string, double)[])[("0.1", 0.1), ("0.5", 0.5)])
        {
            Assert.Equal(1, Ratio(WandaScore.ListingTop(scores, inputs, s), Value($"listing_top.s{name}")), 1e-6);
            Assert.Equal(1, Ratio(WandaScore.ProseBottom(scores, s), Value($"prose_bottom.s{name}")), 1e-6);
            Assert.Equal(1, Ratio(WandaScore.TopFraction(scores, s), Value($"top_fraction.s{name}")), 1e-6);
        }

        double Value(string name) => Assert.Single(golden.Get($"{matrix}.{name}").ToFloats());
    }

    private static float Norm(IEnumerable<float> column) => (float)Math.Sqrt(column.Sum(value => (double)value * value));

    private static double Ratio(double found, double expected) => found == expected ? 1 : found / expected;
}
