using System.Runtime.InteropServices;

namespace Counterweight.Engine.Tests.Models;

/// <summary>Comparison bit for bit: unlike with ==, a zero of the other sign is a difference.</summary>
internal static class Bits
{
    public static void AssertSame(float[][] expected, float[][] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            AssertSame(expected[i], actual[i]);
    }

    public static void AssertSame(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var first = MemoryMarshal.Cast<float, uint>(expected).CommonPrefixLength(MemoryMarshal.Cast<float, uint>(actual));
        Assert.True(first == expected.Length, first == expected.Length ? "" : $"value {first} of {expected.Length}: {expected[first]:R} became {actual[first]:R}");
        Assert.False(expected.ContainsAnyExceptInRange(float.MinValue, float.MaxValue), "not a finite number");
    }
}
