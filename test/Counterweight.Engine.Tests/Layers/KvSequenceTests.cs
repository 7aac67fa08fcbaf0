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
        using var cache = new KvSequence(layers, heads, headDim);
        var stored = 0;
        foreach (var length in new[] { 1, 5, 64, 65, 130, 300 })
        {
            cache.Reserve(length);
            Assert.InRange(cache.Capacity, length, Math.Max(length + 15, 2 * length));
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
                            var key = cache.Keys(layer, head)[position / 16 * cache.KeyPanelStride + d * 16 + position % 16];
                            var value = cache.Values(layer, head)[d / 16 * cache.ValuePanelStride + position * 16 + d % 16];
                            if (key != Key(layer, head, position, d) || value != -key)
                                Assert.Fail($"layer {layer} head {head} position {position} dimension {d}: {key}, {value}");
                        }
        }
    }

    [Fact]
    public void ShortTextsTakeLittle()
    {
        using var cache = new KvSequence(1, 1, 8);
        cache.Reserve(5);
        Assert.Equal(16, cache.Capacity);
        cache.Reserve(17);
        cache.Reserve(33);
        Assert.Equal(64, cache.Capacity);
    }

    [Fact]
    public void TruncateForgetsButKeepsTheMemory()
    {
        using var cache = new KvSequence(1, 1, 8);
        cache.Reserve(100);
        cache.Advance(90);
        var capacity = cache.Capacity;
        cache.Truncate(10);
        Assert.Equal((10, capacity), (cache.Length, cache.Capacity));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Truncate(11));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Truncate(-1));
        Assert.Equal(10, cache.Length);
    }

    [Fact]
    public unsafe void PanelsStartOnCacheLines()
    {
        using var cache = new KvSequence(2, 3, 12);
        cache.Reserve(70);
        for (var head = 0; head < 3; head++)
        {
            Assert.Equal(0, (nint)cache.Keys(1, head) % 64);
            Assert.Equal(0, (nint)cache.Values(1, head) % 64);
        }
        Assert.Equal(0, cache.KeyPanelStride % MatMulKernel.PanelWidth);
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
