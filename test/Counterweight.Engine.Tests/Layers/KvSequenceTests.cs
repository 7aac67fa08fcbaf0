using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Tests.Layers;

public class KvSequenceTests
{
    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(2, 3, 12)]
    [InlineData(3, 2, 20)]
    [InlineData(1, 2, 64)]
    public unsafe void GrowthKeepsEveryKeyAndValue(int layers, int heads, int headDim)
    {
        using var pool = new KvPagePool(new KvLayout(layers, heads, headDim, headDim));
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
                            var (page, offset) = (position / 64, position % 64);
                            var key = cache.Keys(layer, head, page)[offset / 16 * cache.Layout.KeyPanelStride + d * 16 + offset % 16];
                            var value = cache.Values(layer, head, page)[d / 16 * KvLayout.ValuePanelStride + offset * 16 + d % 16];
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
        Assert.Equal(Key(0, 0, 64, 0), first.Keys(0, 0, 1)[0]);
        Assert.Equal(Key(0, 0, 100, 0), first.Keys(0, 0, 1)[36 / 16 * first.Layout.KeyPanelStride + 36 % 16]);
        Assert.Equal(Key(0, 0, 99, 0), second.Keys(0, 0, 1)[35 / 16 * first.Layout.KeyPanelStride + 35 % 16]);
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
                Assert.Equal(expected, copy.Keys(block / 3, block % 3, 0)[position / 16 * copy.Layout.KeyPanelStride + d * 16 + position % 16]);
                Assert.Equal(-expected, copy.Values(block / 3, block % 3, 0)[d / 16 * KvLayout.ValuePanelStride + position * 16 + d % 16]);
            }
        for (var position = 0; position < tokens; position++)
            Assert.Equal(Enumerable.Repeat((float)position, 5), copy.History(0, position).ToArray());
    }

    [Fact]
    public unsafe void PanelsStartOnCacheLines()
    {
        using var pool = new KvPagePool(new KvLayout(2, 3, 12, 12));
        using var cache = new KvSequence(pool);
        cache.Reserve(70);
        for (var head = 0; head < 3; head++)
        {
            Assert.Equal(0, (nint)cache.Keys(1, head, 1) % 64);
            Assert.Equal(0, (nint)cache.Values(1, head, 1) % 64);
        }
        Assert.Equal(0, cache.Layout.KeyPanelStride % MatMulKernel.PanelWidth);
    }

    private static unsafe void StoreOne(KvSequence cache, int layer, int head, int position, int headDim)
    {
        var key = stackalloc float[headDim];
        var value = stackalloc float[headDim];
        for (var d = 0; d < headDim; d++)
            value[d] = -(key[d] = Key(layer, head, position, d));
        cache.Store(layer, head, position, key, value);
    }

    private static float Key(int layer, int head, int position, int d) => 1 + d + 100 * (position + 1000 * (head + 4 * layer));
}
