using System.Numerics;

namespace Counterweight.Balancing.Policies.Robust;

/// <summary>SplitMix64 (Steele, Lea and Flood 2014): the same numbers on every machine, a few instructions each.</summary>
internal struct SearchRandom(ulong seed)
{
    private ulong _state = BitOperations.RotateLeft(seed * 0xD1342543DE82EF95, 32) ^ 0x9E3779B97F4A7C15;

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>0 to <paramref name="bound"/> − 1.</summary>
    public int Below(int bound) => (int)(((Next() >> 32) * (ulong)bound) >> 32);
}
