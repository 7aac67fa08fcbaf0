using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Tests.Layers;

public sealed class RelativeBiasTests
{
    /// <summary>As T5 spreads 32 buckets over distances up to 128, worked out by hand: half of them exact, the others by the logarithm.</summary>
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(-7, 7, 7)]
    [InlineData(-8, 8, 8)]
    [InlineData(-16, 10, 16)]
    [InlineData(-32, 12, 21)]
    [InlineData(-64, 14, 26)]
    [InlineData(-128, 15, 31)]
    [InlineData(-5000, 15, 31)]
    [InlineData(3, 19, 0)]
    [InlineData(32, 28, 0)]
    [InlineData(5000, 31, 0)]
    public void Buckets_are_those_of_T5(int distance, int bothWays, int causal)
    {
        Assert.Equal(bothWays, RelativeBias.Bucket(distance, 32, 128, bothWays: true));
        Assert.Equal(causal, RelativeBias.Bucket(distance, 32, 128, bothWays: false));
    }

    [Theory]
    [InlineData(0, 0, 40)]
    [InlineData(7, 3, 40)]
    [InlineData(39, 0, 40)]
    [InlineData(200, 150, 9)]
    [InlineData(5, 60, 3)]
    public void A_run_of_keys_gets_what_each_key_would_get(int position, int firstKey, int keys)
    {
        const int Buckets = 8, Heads = 3, MaxDistance = 20;
        var table = Enumerable.Range(0, Buckets * Heads).Select(i => i * 1.5f).ToArray();
        var bias = new RelativeBias(table, Heads, MaxDistance, bothWays: true);
        for (var head = 0; head < Heads; head++)
        {
            var scores = new float[keys];
            bias.AddTo(scores, head, firstKey, position);
            Assert.Equal(Enumerable.Range(firstKey, keys).Select(key => table[RelativeBias.Bucket(key - position, Buckets, MaxDistance, bothWays: true) * Heads + head]), scores);
        }
    }
}
