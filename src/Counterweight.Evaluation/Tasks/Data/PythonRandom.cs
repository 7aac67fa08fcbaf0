using System.Numerics;

namespace Counterweight.Evaluation.Tasks.Data;

/// <summary>
/// CPython's <c>random.Random</c>: the Mersenne Twister MT19937 seeded by an integer, and <c>random.sample</c> over a range.
/// Few-shot examples are drawn with it, so that the same seed gives the reference's examples.
/// Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998.
/// </summary>
internal sealed class PythonRandom
{
    private const int Size = 624;
    private const int Shift = 397;
    private readonly uint[] _state = new uint[Size];
    private int _next = Size;

    public PythonRandom(uint seed)
    {
        Initialize(19650218);
        MixInKey(seed);
    }

    /// <summary>A number in 0 .. <paramref name="limit"/> − 1, each equally probable.</summary>
    public int Below(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        var bits = 32 - BitOperations.LeadingZeroCount((uint)limit);
        uint drawn;
        do
            drawn = NextWord() >> (32 - bits);
        while (drawn >= limit);
        return (int)drawn;
    }

    /// <summary><c>sample(range(population), count)</c>, in drawn order.</summary>
    public int[] Sample(int population, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, population);
        return population <= LargestPool(count) ? SampleFromPool(population, count) : SampleBySet(population, count);
    }

    private static int LargestPool(int count)
    {
        const int smallest = 21;
        return count > 5 ? smallest + (int)Math.Pow(4, Math.Ceiling(Math.Log(count * 3.0) / Math.Log(4))) : smallest;
    }

    private int[] SampleFromPool(int population, int count)
    {
        var pool = Enumerable.Range(0, population).ToArray();
        var drawn = new int[count];
        for (var i = 0; i < count; i++)
        {
            var at = Below(population - i);
            drawn[i] = pool[at];
            pool[at] = pool[population - i - 1];
        }
        return drawn;
    }

    private int[] SampleBySet(int population, int count)
    {
        var seen = new HashSet<int>();
        var drawn = new int[count];
        for (var i = 0; i < count; i++)
        {
            do
                drawn[i] = Below(population);
            while (!seen.Add(drawn[i]));
        }
        return drawn;
    }

    private void Initialize(uint seed)
    {
        _state[0] = seed;
        for (var i = 1u; i < Size; i++)
            _state[i] = 1812433253 * (_state[i - 1] ^ (_state[i - 1] >> 30)) + i;
    }

    // init_by_array with a key of one word, which is how CPython seeds from an integer below 2^32.
    private void MixInKey(uint key)
    {
        var at = 1;
        for (var step = 0; step < Size; step++)
        {
            _state[at] = (_state[at] ^ ((_state[at - 1] ^ (_state[at - 1] >> 30)) * 1664525)) + key;
            at = Advance(at);
        }
        for (var step = 0; step < Size - 1; step++)
        {
            _state[at] = (_state[at] ^ ((_state[at - 1] ^ (_state[at - 1] >> 30)) * 1566083941)) - (uint)at;
            at = Advance(at);
        }
        _state[0] = 0x80000000;
    }

    private int Advance(int at)
    {
        if (++at < Size)
            return at;
        _state[0] = _state[Size - 1];
        return 1;
    }

    private uint NextWord()
    {
        if (_next == Size)
            Twist();
        var word = _state[_next++];
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c5680;
        word ^= (word << 15) & 0xefc60000;
        return word ^ (word >> 18);
    }

    private void Twist()
    {
        for (var i = 0; i < Size; i++)
        {
            var mixed = (_state[i] & 0x80000000) | (_state[(i + 1) % Size] & 0x7fffffff);
            var twisted = (mixed >> 1) ^ ((mixed & 1) == 0 ? 0 : 0x9908b0dfu);
            _state[i] = _state[(i + Shift) % Size] ^ twisted;
        }
        _next = 0;
    }
}
