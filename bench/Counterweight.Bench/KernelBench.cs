using System.Globalization;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization;

namespace Counterweight.Bench;

/// <summary>GFLOP/s of y = x·Wᵀ for each variant, precision and number of rows.</summary>
internal static unsafe class KernelBench
{
    private static readonly Precision[] Precisions =
        [Precision.Fp32, Precision.Bf16, Precision.Fp16, Precision.Int8, Precision.Int4, Precision.LlmInt8];
    private static readonly int[] Rows = [1, 2, 4, 8, 13, 64, 256];

    /// <summary>The bundled model's expert and head, and an expert of a 7-billion model.</summary>
    private static readonly (int Outputs, int Inputs)[] Shapes = [(96, 192), (192, 96), (8192, 192), (1024, 2048)];

    public static void Run()
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"fp32 peak of one thread: {Processor.PeakGflops():F0} GFLOP/s"));
        foreach (var (outputs, inputs) in Shapes)
        {
            var header = string.Concat(Rows.Select(rows => rows.ToString(CultureInfo.InvariantCulture).PadLeft(8)));
            Console.WriteLine($"\n{$"[{outputs}, {inputs}]",-12}GFLOP/s at rows {header}");
            foreach (var precision in Precisions)
                foreach (var name in MatMulKernelFactory.Available)
                {
                    var cells = string.Concat(Rows.Select(rows => Cell(name, precision, outputs, inputs, rows)));
                    Console.WriteLine($"  {precision.Name(),-10}{name,-16}{cells}");
                }
        }
    }

    private static string Cell(string name, Precision precision, int outputs, int inputs, int rows)
    {
        var work = 2.0 * rows * outputs * inputs;
        if (name == "portable" && work > 1e8)
            return "-".PadLeft(8);
        var random = new Random(1);
        var weights = new float[outputs * inputs];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = (float)(random.NextDouble() - 0.5) / 8;
        using var packed = PackedMatrix.Pack(Quantizer.Quantize(weights, outputs, inputs, precision));
        using var x = AlignedBuffer.OfFloats((long)rows * inputs);
        using var y = AlignedBuffer.OfFloats((long)rows * outputs);
        foreach (ref var value in x.AsSpan<float>())
            value = (float)(random.NextDouble() * 4 - 2);
        var kernel = MatMulKernelFactory.Create(name);
        // Small products are repeated so that a run takes some tens of microseconds.
        var repeats = (int)Math.Clamp(2e6 / work, 1, 1000);
        var seconds = Processor.BestSeconds(() =>
        {
            for (var i = 0; i < repeats; i++)
                kernel.Multiply(packed, 0, packed.Panels, x.Floats, rows, inputs, y.Floats, outputs);
        });
        return (work * repeats / seconds / 1e9).ToString("F1", CultureInfo.InvariantCulture).PadLeft(8);
    }
}
