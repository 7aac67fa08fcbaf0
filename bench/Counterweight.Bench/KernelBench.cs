using System.Globalization;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;

namespace Counterweight.Bench;

/// <summary>y = x·Wᵀ on one thread for each variant, kind of weights and number of rows: G(FL)OP/s and the share of the measured peak.</summary>
internal static unsafe class KernelBench
{
    private static readonly int[] Rows = [1, 2, 4, 8, 16, 32, 64, 128];

    /// <summary>Gate and down projection of an expert: hidden 1024, ffn 512.</summary>
    private static readonly (int Outputs, int Inputs)[] Shapes = [(512, 1024), (1024, 512)];

    /// <summary>Weights that one pass over a stream reads: more than any cache holds.</summary>
    private const long StreamBytes = 256L << 20;

    private static readonly Kind[] Kinds =
    [
        new("fp32", Precision.Fp32, false),
        new("bf16", Precision.Bf16, false),
        new("fp16", Precision.Fp16, false),
        new("int8 exact", Precision.Int8, false),
        new("int4 exact", Precision.Int4, false),
        new("bf16 fast", Precision.Bf16, true),
        new("int8 fast", Precision.Int8, true),
        new("int4 fast", Precision.Int4, true),
        new("q8_0 fast", Precision.Int8, true, new ScaleFormat(ScaleType.Half, 32)),
        new("q4_0 fast", Precision.Int4, true, new ScaleFormat(ScaleType.Half, 32)),
    ];

    public static void Run(string? only)
    {
        var (flops, halves, bytes) = (Processor.PeakGflops(), PeakProducts.BFloat16(), PeakProducts.Bytes());
        Console.WriteLine(Invariant($"peak of one thread: fp32 {flops:F0} GFLOP/s, bf16 {halves:F0} GFLOP/s, int8 {bytes:F0} GOP/s; read bandwidth {Processor.ReadBandwidth():F0} GB/s"));
        foreach (var (outputs, inputs) in Shapes)
        {
            Console.WriteLine($"\n{$"[{outputs}, {inputs}]",-28}rows{string.Concat(Rows.Select(rows => Invariant($"{rows,13}")))}{"stream",13}");
            foreach (var kind in Kinds.Where(kind => only is null || kind.Name.Contains(only, StringComparison.Ordinal)))
                foreach (var name in MatMulKernelFactory.Available.Where(name => name != "portable" && Call.Takes(name, kind)))
                    Console.WriteLine($"  {kind.Name,-12}{name,-18}{Cells(name, kind, outputs, inputs, !kind.Fast ? flops : kind.Precision == Precision.Bf16 ? halves : bytes)}");
        }
    }

    private static string Cells(string name, Kind kind, int outputs, int inputs, double peak)
    {
        using var call = new Call(name, kind, outputs, inputs, 1);
        using var stream = new Call(name, kind, outputs, inputs, (int)(StreamBytes / call.WeightBytes));
        return string.Concat(Rows.Select(rows => Cell(call, rows, peak))) + Invariant($"{stream.WeightBytes / 1e9 / stream.Seconds(1),8:F1} GB/s");
    }

    private static string Cell(Call call, int rows, double peak)
    {
        var speed = call.Operations(rows) / call.Seconds(rows) / 1e9;
        return Invariant($"{speed,7:F0} {speed / peak,4:P0} ").Replace(" %", "%", StringComparison.Ordinal).PadLeft(13);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private sealed record Kind(string Name, Precision Precision, bool Fast, ScaleFormat? Scales = null);

    /// <summary>Matrices and rows that a product is timed with.</summary>
    private sealed class Call : IDisposable
    {
        private readonly MatMulKernel _kernel;
        private readonly bool _fast;
        private readonly int _outputs, _inputs;
        private readonly PackedMatrix[] _weights;
        private readonly AlignedBuffer _x, _y, _quantized, _pointers;

        public Call(string name, Kind kind, int outputs, int inputs, int copies)
        {
            (_kernel, _fast, _outputs, _inputs) = (MatMulKernelFactory.Create(name), kind.Fast, outputs, inputs);
            var rows = Rows[^1];
            var random = new Random(1);
            _weights = [.. Enumerable.Range(0, copies).Select(_ => Pack(kind, outputs, inputs, random))];
            (_x, _y) = (AlignedBuffer.OfFloats((long)rows * inputs), AlignedBuffer.OfFloats((long)rows * outputs));
            foreach (ref var value in _x.AsSpan<float>())
                value = (float)(random.NextDouble() * 4 - 2);
            var format = kind.Fast ? _kernel.ActivationsFor(_weights[0]) : ActivationFormat.Int8;
            var rowBytes = MatMulKernel.QuantizedRowBytes(format, inputs);
            (_quantized, _pointers) = (new AlignedBuffer((long)rows * rowBytes), new AlignedBuffer(rows * sizeof(long)));
            for (var r = 0; r < rows; r++)
            {
                var row = (byte*)_quantized.Pointer + r * rowBytes;
                ((byte**)_pointers.Pointer)[r] = row;
                MatMulKernel.QuantizeRow(format, _x.Floats + (long)r * inputs, inputs, row);
            }
        }

        /// <summary>Whether a variant has a product of quantized activations for such weights.</summary>
        public static bool Takes(string name, Kind kind)
        {
            using var weights = Pack(kind, MatMulKernel.PanelWidth, MatMulKernel.PanelWidth, new Random(1));
            return !kind.Fast || MatMulKernelFactory.Create(name).ActivationsFor(weights) != ActivationFormat.Single;
        }

        public long WeightBytes => _weights.Sum(weights => weights.Bytes);

        public double Operations(int rows) => 2.0 * rows * _outputs * _inputs * _weights.Length;

        public double Seconds(int rows)
        {
            // Small products are repeated so that a run takes some tens of microseconds.
            var repeats = (int)Math.Clamp(1e7 / Operations(rows), 1, 1000);
            return Processor.BestSeconds(() =>
            {
                for (var i = 0; i < repeats; i++)
                    foreach (var weights in _weights)
                        if (_fast)
                            _kernel.MultiplyQuantized(weights, 0, weights.Panels, (byte**)_pointers.Pointer, rows, _y.Floats, _outputs);
                        else
                            _kernel.Multiply(weights, 0, weights.Panels, _x.Floats, rows, _inputs, _y.Floats, _outputs);
            }) / repeats;
        }

        private static PackedMatrix Pack(Kind kind, int outputs, int inputs, Random random)
        {
            var scales = kind.Scales ?? ScaleFormat.Of(kind.Precision);
            var bits = kind.Precision switch { Precision.Fp32 => 32, Precision.Bf16 or Precision.Fp16 => 16, Precision.Int4 => 4, _ => 8 };
            var codes = new byte[(long)outputs * inputs * bits / 8];
            random.NextBytes(codes);
            if (bits >= 16)
                for (var i = 1; i < codes.Length; i += bits / 8)
                    codes[i + bits / 8 - 2] = 0x3C; // numbers around 1
            return PackedMatrix.Pack(kind.Precision, outputs, inputs, codes, [.. Enumerable.Repeat(1f / 64, outputs * scales.PerRow(inputs))], scales);
        }

        public void Dispose()
        {
            foreach (var buffer in (IEnumerable<IDisposable>)[.. _weights, _x, _y, _quantized, _pointers])
                buffer.Dispose();
        }
    }
}
