using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tests.Tasks;

/// <summary>Expected values are what CPython's <c>random</c> gives.</summary>
public sealed class PythonRandomTests
{
    [Fact]
    public void Numbers_below_a_limit_are_CPythons()
    {
        var random = new PythonRandom(1234);
        int[] limits = [1, 2, 3, 7, 10, 1000, 1838, int.MaxValue];
        Assert.Equal([0, 0, 0, 0, 9, 35, 1375, 1488393902], limits.Select(random.Below));
    }

    [Theory]
    [InlineData(1234u, 500, new[] { 494, 398 }, new[] { 225, 59 })]
    [InlineData(1234u, 21, new[] { 14, 3, 0 }, new[] { 2, 18, 1 })]
    [InlineData(1234u, 22, new[] { 14, 3, 0 }, new[] { 2, 18, 1 })]
    [InlineData(1234u, 85, new[] { 56, 14, 0, 11, 74, 4 }, new[] { 10, 12, 45 })]
    [InlineData(1234u, 86, new[] { 56, 14, 0, 11, 74, 4 }, new[] { 85, 10, 12 })]
    [InlineData(1234u, 5, new[] { 3, 0, 4, 2, 1 }, new[] { 0, 4, 1 })]
    [InlineData(4294967295u, 1000, new[] { 650, 634, 208, 220 }, new int[0])]
    public void Samples_are_CPythons(uint seed, int population, int[] first, int[] startOfSecond)
    {
        var random = new PythonRandom(seed);
        Assert.Equal(first, random.Sample(population, first.Length));
        Assert.Equal(startOfSecond, random.Sample(population, first.Length).Take(startOfSecond.Length));
    }

    [Fact]
    public void Generator_goes_on_beyond_its_state()
    {
        var random = new PythonRandom(7);
        for (var i = 0; i < 5000; i++)
            random.Below(1 << 30);
        Assert.Equal(480684874, random.Below(1 << 30));
    }
}
