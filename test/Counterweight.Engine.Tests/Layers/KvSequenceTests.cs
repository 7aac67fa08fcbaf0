using Counterweight.Balancing.Plans;
using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Tests.Layers;

public class KvSequenceTests
{
    [Theory]
    [InlineData(1, 1, 2, Precision.Fp32)]
    [InlineData(2, 3, 12, Precision.Fp32)]
    [InlineData(3, 2, 20, Precision.Fp32)]
    [InlineData(1, 2, 64, Precision.Fp32)]
    [InlineData(1, 2, 64, Precision.Bf16)]
    [InlineData(2, 3, 21, Precision.Bf16)]
    public unsafe void GrowthKeepsEveryKeyAndValue(int layers, int heads, int headDim, Precision precision)
    {
        using var pool = new KvPagePool(new KvLayout(layers, heads, headDim, headDim, precision));
        using var cache = new KvSequence(pool);
        var stored = 0;
        foreach (var length in new[] { 1, 5, 64, 65, 130, 300 })
        {
            cache.Reserve(length);
            Assert.InRange(cache.Capacity, length, length + KvLayout.PageTokens - 1);
            for (; stored < length; stored++)
                for (var layer = 0; layer < layers; layer++)
                    for (var head = 0; head < heads; head++)
                        StoreOne(cache, layer, head, stored, headDim);
            cache.Advance(length - cache.Length);
            Assert.Equal(length, cache.Length);
            for (var layer = 0; layer < layers; layer++)
                for (var head = 0; head < heads; head++)
                    for (var position = 0; position < length; position++)
                        for (var d = 0; d < headDim; d++)
                        {
                            var (key, value) = Read(cache, layer, head, position, d);
                            if (key != Key(layer, head, position, d) || value != -key)
                                Assert.Fail($"layer {layer} head {head} position {position} dimension {d}: {key}, {value}");
                        }
        }
    }

    [Fact]
    public unsafe void CopiesSharePagesUntilOneOfThemWrites()
    {
        using var pool = new KvPagePool(new KvLayout(1, 1, 4, 4));
        using var first = new KvSequence(pool);
        first.Reserve(150);
        for (var position = 0; position < 150; position++)
            StoreOne(first, 0, 0, position, 4);
        first.Advance(150);
        using var second = new KvSequence(pool);
        second.CopyFrom(first, 100);
        Assert.Equal((100, 3), (second.Length, pool.PagesInUse));
        second.Reserve(101);
        Assert.Equal(4, pool.PagesInUse);
        var zero = stackalloc float[4];
        second.Store(0, 0, 100, zero, zero);
        second.Store(0, 0, 64, zero, zero);
        Assert.Equal(Key(0, 0, 64, 0), Read(first, 0, 0, 64, 0).Key);
        Assert.Equal(Key(0, 0, 100, 0), Read(first, 0, 0, 100, 0).Key);
        Assert.Equal(Key(0, 0, 99, 0), Read(second, 0, 0, 99, 0).Key);
        Assert.True(first.Keys(0, 0, 0) == second.Keys(0, 0, 0));
    }

    [Fact]
    public void PagesComeBackAndAreUsedAgain()
    {
        using var pool = new KvPagePool(new KvLayout(1, 1, 4, 4));
        var (first, second) = (new KvSequence(pool), new KvSequence(pool));
        first.Reserve(200);
        first.Advance(200);
        second.CopyFrom(first, 128);
        Assert.Equal(4, pool.PagesInUse);
        first.Dispose();
        Assert.Equal(2, pool.PagesInUse);
        second.Dispose();
        second.Dispose();
        Assert.Equal(0, pool.PagesInUse);
    }

    [Fact]
    public unsafe void HalvesOfAnEarlierTextAreGone()
    {
        using var pool = new KvPagePool(new KvLayout(1, 1, 4, 4, Precision.Bf16));
        var infinities = stackalloc float[] { float.PositiveInfinity, float.PositiveInfinity, float.PositiveInfinity, float.PositiveInfinity };
        using (var earlier = new KvSequence(pool))
        {
            earlier.Reserve(64);
            for (var position = 0; position < 64; position++)
                earlier.Store(0, 0, position, infinities, infinities);
        }
        using var later = new KvSequence(pool);
        later.Reserve(1);
        Assert.All(new ReadOnlySpan<byte>(later.Keys(0, 0, 0), (int)later.Layout.PageBytes).ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void TruncateForgetsButKeepsTheMemory()
    {
        using var pool = new KvPagePool(new KvLayout(1, 1, 8, 8));
        using var cache = new KvSequence(pool);
        cache.Reserve(100);
        cache.Advance(90);
        var capacity = cache.Capacity;
        cache.Truncate(10);
        Assert.Equal((10, capacity), (cache.Length, cache.Capacity));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Truncate(11));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Truncate(-1));
        Assert.Equal(10, cache.Length);
    }

    [Theory]
    [InlineData(1, 12)]
    [InlineData(16, 64)]
    [InlineData(37, 20)]
    public unsafe void ACopyHasTheFirstPositionsWhateverWasThere(int tokens, int headDim)
    {
        using var pool = new KvPagePool(new KvLayout(2, 3, headDim, headDim, HistoryLayers: 1, HistoryWidth: 5));
        using var cache = new KvSequence(pool);
        using var copy = new KvSequence(pool);
        cache.Reserve(70);
        copy.Reserve(3);
        copy.Advance(3);
        for (var position = 0; position < 70; position++)
        {
            for (var block = 0; block < 6; block++)
                StoreOne(cache, block / 3, block % 3, position, headDim);
            cache.History(0, position).Fill(position);
        }
        cache.Advance(70);
        copy.CopyFrom(cache, tokens);
        Assert.Equal(tokens, copy.Length);
        copy.Reserve(100); // growing keeps them too
        for (var (block, position) = (0, 0); block < 6; (block, position) = position + 1 < tokens ? (block, position + 1) : (block + 1, 0))
            for (var d = 0; d < headDim; d++)
            {
                var expected = Key(block / 3, block % 3, position, d);
                Assert.Equal((expected, -expected), Read(copy, block / 3, block % 3, position, d));
            }
        for (var position = 0; position < tokens; position++)
            Assert.Equal(Enumerable.Repeat((float)position, 5), copy.History(0, position).ToArray());
    }

    [Theory]
    [InlineData(Precision.Fp32, 12)]
    [InlineData(Precision.Bf16, 12)]
    [InlineData(Precision.Bf16, 33)]
    public unsafe void PanelsStartOnCacheLines(Precision precision, int headDim)
    {
        using var pool = new KvPagePool(new KvLayout(2, 3, headDim, headDim, precision));
        using var cache = new KvSequence(pool);
        cache.Reserve(70);
        for (var head = 0; head < 3; head++)
        {
            Assert.Equal(0, (nint)cache.Keys(1, head, 1) % 64);
            Assert.Equal(0, (nint)cache.Values(1, head, 1) % 64);
        }
        Assert.Equal(0, cache.Layout.KeyPanelBytes % 64);
    }

    /// <summary>A key's and a value's element out of the panels, as their documented layout has them.</summary>
    private static unsafe (float Key, float Value) Read(KvSequence cache, int layer, int head, int position, int d)
    {
        var (page, offset) = (position / KvLayout.PageTokens, position % KvLayout.PageTokens);
        byte* keys = cache.Keys(layer, head, page) + offset / 16 * cache.Layout.KeyPanelBytes, values = cache.Values(layer, head, page) + d / 16 * cache.Layout.ValuePanelBytes;
        return cache.Layout.Precision == Precision.Fp32
            ? (((float*)keys)[d * 16 + offset % 16], ((float*)values)[offset * 16 + d % 16])
            : (Half(keys, d, offset % 16), Half(values, offset, d % 16));
    }

    /// <summary>bfloat16: pairs of neighbouring inputs in words of 32 bits, the even one in the low half.</summary>
    private static unsafe float Half(byte* panel, int input, int place) =>
        BitConverter.Int32BitsToSingle(((ushort*)panel)[(input / 2 * 16 + place) * 2 + input % 2] << 16);

    private static unsafe void StoreOne(KvSequence cache, int layer, int head, int position, int headDim)
    {
        var key = stackalloc float[headDim];
        var value = stackalloc float[headDim];
        for (var d = 0; d < headDim; d++)
            value[d] = -(key[d] = Key(layer, head, position, d));
        cache.Store(layer, head, position, key, value);
    }

    /// <summary>One of 2048 values that a bfloat16 has as well.</summary>
    private static float Key(int layer, int head, int position, int d) =>
        BitConverter.Int32BitsToSingle((0x3F80 + (d + 61 * (position + 67 * (head + 5 * layer))) % 2048) << 16);
}
