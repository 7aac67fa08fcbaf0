using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Tests.Kernels;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Tests.Layers;

/// <summary>Blocked attention against softmax(q·Kᵀ·scale)·V in double precision.</summary>
public class AttentionTests
{
    public static TheoryData<string, int, int, int, Precision> Shapes()
    {
        var data = new TheoryData<string, int, int, int, Precision>();
        foreach (var kernels in MatMulKernelFactory.Available)
            foreach (var (heads, kvHeads, headDim) in new[] { (1, 1, 2), (4, 2, 12), (3, 1, 20), (6, 6, 16), (8, 2, 33) })
                foreach (var cached in new[] { Precision.Fp32, Precision.Bf16 })
                    data.Add(kernels, heads, kvHeads, headDim, cached);
        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public unsafe void MatchesTheDefinition(string kernels, int heads, int kvHeads, int headDim, Precision cached)
    {
        using var pool = new WorkerPool(2);
        var scale = 1 / MathF.Sqrt(headDim);
        var kernel = MatMulKernelFactory.Create(kernels);
        // Weights that are rounded to bfloat16 are off by 2⁻⁸ of themselves at most; they add up to 1, and values are at most 1.
        var rounds = cached == Precision.Bf16 && kernel.ActivationsFor(cached) == ActivationFormat.BFloat16;
        var tolerance = rounds ? 1.0 / 256 : 1e-5;
        using var attention = new Attention(new ComputeContext(kernel, pool), heads, kvHeads, headDim, scale);
        var sequences = new[] { new Cached(cached, kvHeads, headDim, 0, 70, 1), new Cached(cached, kvHeads, headDim, 50, 1, 2), new Cached(cached, kvHeads, headDim, 17, 35, 3), new Cached(cached, kvHeads, headDim, 200, 60, 4) };
        var batch = new Batch();
        foreach (var sequence in sequences)
            batch.Add(sequence.Cache, new int[sequence.Rows]);
        var queries = Cached.AsCached(cached, KernelCases.Random(batch.Rows * heads * headDim, 9, 2f));
        var output = new float[queries.Length];
        attention.Begin(batch);
        fixed (float* q = queries, o = output)
            attention.Forward(0, q, o);

        for (var s = 0; s < sequences.Length; s++)
            for (var row = 0; row < sequences[s].Rows; row++)
                for (var head = 0; head < heads; head++)
                {
                    var offset = ((batch[s].FirstRow + row) * heads + head) * headDim;
                    var expected = sequences[s].Attend(queries.AsSpan(offset, headDim), head / (heads / kvHeads), sequences[s].Past + row + 1, scale);
                    for (var d = 0; d < headDim; d++)
                        Assert.Equal(expected[d], output[offset + d], tolerance);
                }
        Array.ForEach(sequences, sequence => sequence.Cache.Dispose());
    }

    /// <summary>A cache with random keys and values, and the same as plain arrays.</summary>
    private sealed class Cached
    {
        private readonly float[][] _keys, _values; // [kvHeads][positions, headDim]
        private readonly int _headDim;

        public unsafe Cached(Precision precision, int kvHeads, int headDim, int past, int rows, int seed)
        {
            (_headDim, Past, Rows) = (headDim, past, rows);
            Cache = new KvSequence(new KvPagePool(new KvLayout(1, kvHeads, headDim, headDim, precision)));
            Cache.Reserve(past + rows);
            _keys = [.. Enumerable.Range(0, kvHeads).Select(h => AsCached(precision, KernelCases.Random((past + rows) * headDim, seed * 100 + h, 2f)))];
            _values = [.. Enumerable.Range(0, kvHeads).Select(h => AsCached(precision, KernelCases.Random((past + rows) * headDim, seed * 100 + 50 + h)))];
            for (var h = 0; h < kvHeads; h++)
                fixed (float* key = _keys[h], value = _values[h])
                    for (var position = 0; position < past + rows; position++)
                        Cache.Store(0, h, position, key + position * headDim, value + position * headDim);
            Cache.Advance(past);
        }

        /// <summary>Values that the cache keeps as they are.</summary>
        public static float[] AsCached(Precision precision, float[] values) =>
            precision == Precision.Fp32 ? values : Array.ConvertAll(values, value => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000));

        public KvSequence Cache { get; }

        public int Past { get; }

        public int Rows { get; }

        public double[] Attend(ReadOnlySpan<float> query, int kvHead, int visible, float scale)
        {
            var weights = new double[visible];
            for (var position = 0; position < visible; position++)
                for (var d = 0; d < _headDim; d++)
                    weights[position] += (double)query[d] * _keys[kvHead][position * _headDim + d];
            var max = weights.Max();
            weights = Array.ConvertAll(weights, weight => Math.Exp((weight - max) * scale));
            var output = new double[_headDim];
            for (var position = 0; position < visible; position++)
                for (var d = 0; d < _headDim; d++)
                    output[d] += weights[position] / weights.Sum() * _values[kvHead][position * _headDim + d];
            return output;
        }
    }
}
