using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Tests.Checkpoints;
using Counterweight.Engine.Tests.Kernels;

namespace Counterweight.Engine.Tests.Layers;

public class RotaryEmbeddingTests
{
    [Theory]
    [InlineData(2, 10000.0)]
    [InlineData(12, 10000.0)]
    [InlineData(20, 1e6)]
    [InlineData(64, 5e5)]
    public unsafe void RotatesPairsByPositionTimesFrequency(int width, double theta)
    {
        var rotary = new RotaryEmbedding(RotaryFrequencies.Plain(width, theta));
        Assert.Equal(width, rotary.Width);
        rotary.Reserve(10);
        rotary.Reserve(300);
        foreach (var position in new[] { 0, 1, 7, 299 })
        {
            var x = KernelCases.Random(width, position + 1);
            var turned = (float[])x.Clone();
            fixed (float* pointer = turned)
                rotary.Rotate(pointer, position, new float[width]);
            for (var i = 0; i < width / 2; i++)
            {
                var angle = position * Math.Pow(theta, -2.0 * i / width);
                var (low, high) = ((double)x[i], (double)x[i + width / 2]);
                Assert.Equal(low * Math.Cos(angle) - high * Math.Sin(angle), turned[i], 1e-4);
                Assert.Equal(high * Math.Cos(angle) + low * Math.Sin(angle), turned[i + width / 2], 1e-4);
            }
        }
    }

    [Fact]
    public unsafe void ScoresDependOnTheDistanceAlone()
    {
        const int Width = 12;
        var rotary = new RotaryEmbedding(RotaryFrequencies.Plain(Width, 10000));
        rotary.Reserve(200);
        var expected = Score(5, 2);
        Assert.Equal(expected, Score(105, 102), 1e-4);
        Assert.NotEqual(expected, Score(105, 2), 1e-2);

        double Score(int queryPosition, int keyPosition)
        {
            var (query, key) = (KernelCases.Random(Width, 1), KernelCases.Random(Width, 2));
            fixed (float* q = query, k = key)
            {
                rotary.Rotate(q, queryPosition, new float[Width]);
                rotary.Rotate(k, keyPosition, new float[Width]);
            }
            return query.Zip(key, (a, b) => (double)a * b).Sum();
        }
    }

    [Fact]
    public void LinearScalingDividesPositions()
    {
        var plain = RotaryFrequencies.Plain(16, 10000);
        var scaled = RotaryFrequencies.Linear(16, 10000, 4);
        Assert.Equal(1f, scaled.AttentionFactor);
        for (var i = 0; i < 8; i++)
            Assert.Equal(plain.Inverse[i] / 4, scaled.Inverse[i], 1e-7);
    }

    // Peng et al. 2023, equations 17 to 25, computed wavelength by wavelength.
    [Theory]
    [InlineData(64, 10000.0, 4.0, 4096)]
    [InlineData(128, 1e6, 8.0, 32768)]
    public void YarnKeepsFastInterpolatesSlowAndRampsBetween(int width, double theta, double factor, int original)
    {
        var yarn = RotaryFrequencies.Yarn(width, theta, new YarnScaling(factor, original, 32, 1, Truncate: false, AttentionFactor: 1.25));
        Assert.Equal(1.25f, yarn.AttentionFactor);
        for (var i = 0; i < width / 2; i++)
        {
            var plain = Math.Pow(theta, -2.0 * i / width);
            var rotations = original * plain / (2 * Math.PI);
            if (rotations >= 32)
                Assert.Equal(plain, yarn.Inverse[i], plain * 1e-6);
            else if (rotations <= 1)
                Assert.Equal(plain / factor, yarn.Inverse[i], plain * 1e-6);
            else
            {
                // The ramp is linear in the dimension, so in the logarithm of the rotations.
                var kept = Math.Log(rotations) / Math.Log(32);
                Assert.Equal(plain * kept + plain / factor * (1 - kept), yarn.Inverse[i], plain * 1e-5);
            }
        }
    }

    [Fact]
    public void YarnFromAConfigHasThePublishedDefaults()
    {
        using var folder = new TemporaryFolder();
        var config = ConfigReader.Open(folder.Write("config.json",
            """{"rope_theta":1000000.0,"max_position_embeddings":40960,"rope_scaling":{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":32768}}"""));
        var expected = RotaryFrequencies.Yarn(128, 1e6, new YarnScaling(4, 32768, 32, 1, true, 0.1 * Math.Log(4) + 1));
        var actual = RotaryFrequencies.Of(RopeSettings.Read(config), 128);
        Assert.Equal(expected.Inverse, actual.Inverse);
        Assert.Equal(expected.AttentionFactor, actual.AttentionFactor);
        Assert.Empty(config.UnknownKeys());
    }

    [Theory]
    [InlineData(""" "rope_theta":500.0 """)]
    [InlineData(""" "rope_theta":500.0,"rope_scaling":{"rope_type":"default"} """)]
    [InlineData(""" "rope_parameters":{"rope_type":"default","rope_theta":500.0} """)]
    [InlineData(""" "rope_theta":500.0,"rope_scaling":null """)]
    [InlineData(""" "rope_theta":500.0,"rope_scaling":{"type":"dynamic","factor":4.0} """)]
    public void EveryWayToSayPlainIsTheSame(string json)
    {
        using var folder = new TemporaryFolder();
        var config = Config(folder, json);
        Assert.Equal(RotaryFrequencies.Plain(16, 500).Inverse, Read(config).Inverse);
        Assert.Empty(config.UnknownKeys());
    }

    [Fact]
    public void LinearScalingIsReadUnderItsOldName()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(RotaryFrequencies.Linear(16, 10000, 2).Inverse, Read(Config(folder, """ "rope_scaling":{"type":"linear","factor":2.0} """)).Inverse);
    }

    // Published Llama 4 files have one factor for both ends: nothing is mixed.
    [Fact]
    public void Llama3ScalingMayHaveOneBound()
    {
        using var folder = new TemporaryFolder();
        var scaled = Read(Config(folder, """ "rope_scaling":{"rope_type":"llama3","factor":16.0,"high_freq_factor":1.0,"low_freq_factor":1.0,"original_max_position_embeddings":512} """));
        var plain = RotaryFrequencies.Plain(16, 10000).Inverse;
        for (var i = 0; i < plain.Length; i++)
            Assert.Equal(512 * plain[i] > 2 * Math.PI ? plain[i] : plain[i] / 16, scaled.Inverse[i], plain[i] * 1e-6);
    }

    [Fact]
    public void TheBaseOfAFamilyHoldsWhereTheFileHasNone()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(RotaryFrequencies.Plain(16, 150000).Inverse, RotaryFrequencies.Of(RopeSettings.Read(Config(folder, """ "rope_scaling":null """), 150000), 16).Inverse);
    }

    // Texts beyond the lengths would have other frequencies, which cached keys could not follow.
    [Theory]
    [InlineData(""" "rope_scaling":{"type":"dynamic","factor":4.0} """, 4096)]
    [InlineData(""" "rope_scaling":{"type":"longrope","short_factor":[1,2,3,4,5,6,7,8],"long_factor":[],"original_max_position_embeddings":1024} """, 1024)]
    [InlineData(""" "original_max_position_embeddings":512,"rope_scaling":{"type":"longrope","short_factor":[1,2,3,4,5,6,7,8]} """, 512)]
    [InlineData(""" "rope_scaling":{"type":"linear","factor":4.0} """, int.MaxValue)]
    public void ScalingsThatDependOnTheLengthLimitIt(string json, int longest)
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(longest, Read(Config(folder, json)).LongestText);
    }

    // Ding et al. 2024, and transformers for the factor on cos and sin: sqrt(1 + ln(extension) / ln(original)).
    [Theory]
    [InlineData(""" "rope_scaling":{"rope_type":"longrope","short_factor":[1,2,3,4,5,6,7,8],"original_max_position_embeddings":1024} """, 1.0954451150103321)]
    [InlineData(""" "rope_scaling":{"rope_type":"longrope","short_factor":[1,2,3,4,5,6,7,8],"original_max_position_embeddings":1024,"factor":2} """, 1.0488088481701516)]
    [InlineData(""" "rope_scaling":{"rope_type":"longrope","short_factor":[1,2,3,4,5,6,7,8],"original_max_position_embeddings":1024,"attention_factor":1.5} """, 1.5)]
    [InlineData(""" "rope_scaling":{"rope_type":"longrope","short_factor":[1,2,3,4,5,6,7,8]} """, 1)]
    public void LongRopeDividesByTheShortFactors(string json, double attentionFactor)
    {
        using var folder = new TemporaryFolder();
        var frequencies = Read(Config(folder, json));
        var plain = RotaryFrequencies.Plain(16, 10000).Inverse;
        for (var i = 0; i < plain.Length; i++)
            Assert.Equal(plain[i] / (i + 1), frequencies.Inverse[i], plain[i] * 1e-6);
        Assert.Equal(attentionFactor, frequencies.AttentionFactor, 1e-6);
    }

    [Theory]
    [InlineData("""{"rope_type":"proportional"}""", "rope_scaling.rope_type", "longrope")]
    [InlineData("""{"type":"su","factor":2}""", "rope_scaling.type", "longrope")]
    [InlineData("""{"full_attention":{"rope_type":"default"},"sliding_attention":{"rope_type":"linear","factor":8}}""", "rope_scaling.full_attention", "one rotary embedding for all layers")]
    public void WhatIsNotComputedIsRefusedByName(string scaling, string where, string expected)
    {
        using var folder = new TemporaryFolder();
        var e = Assert.Throws<InvalidInputException>(() => Read(Config(folder, $" \"rope_scaling\":{scaling} ")));
        Assert.Contains($"key {where}", e.Where, StringComparison.Ordinal);
        Assert.Contains(expected, e.Expected, StringComparison.Ordinal);
    }

    private static ConfigReader Config(TemporaryFolder folder, string settings) =>
        ConfigReader.Open(folder.Write("config.json", $$"""{"max_position_embeddings":4096,{{settings}}}"""));

    private static RotaryFrequencies Read(ConfigReader config) => RotaryFrequencies.Of(RopeSettings.Read(config), 16);
}
