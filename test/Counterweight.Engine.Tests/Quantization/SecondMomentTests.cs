using Counterweight.Balancing;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Tests.Quantization;

public class SecondMomentTests
{
    [Theory]
    [InlineData(1, 5)]
    [InlineData(7, 3)]
    [InlineData(40, 100)]
    public void The_factor_is_upper_triangular_and_its_square_inverts_the_damped_moment(int size, int tokens)
    {
        var moment = ErrorCompensatedQuantizerTests.MomentOf(ErrorCompensatedQuantizerTests.Normal(new Random(size), tokens * size), size);
        var result = SecondMoment.Of(moment, size)!;
        var damping = 0.01 * Enumerable.Range(0, size).Average(i => moment[i * size + i]);
        for (var i = 0; i < size; i++)
            for (var j = 0; j < size; j++)
            {
                Assert.Equal(moment[i * size + j] + (i == j ? damping : 0), result.Values[i * size + j], damping * 1e-3);
                Assert.True(j >= i || result.Factor[i * size + j] == 0);
                double product = 0; // (UᵀU·H)[i, j]
                for (var k = 0; k < size; k++)
                    for (var m = 0; m <= Math.Min(i, k); m++)
                        product += (double)result.Factor[m * size + i] * result.Factor[m * size + k] * result.Values[k * size + j];
                Assert.Equal(i == j ? 1 : 0, product, 1e-3);
            }
    }

    [Fact]
    public void Nothing_seen_gives_nothing() => Assert.Null(SecondMoment.Of(new float[9], 3));

    [Fact]
    public void Activations_that_are_not_finite_are_refused()
    {
        var moment = new float[] { 1, 0, 0, float.PositiveInfinity };
        Assert.Throws<InvalidInputException>(() => SecondMoment.Of(moment, 2));
        Assert.Throws<InvalidInputException>(() => SecondMoment.Of([1, 5, 5, 1], 2));
    }
}
