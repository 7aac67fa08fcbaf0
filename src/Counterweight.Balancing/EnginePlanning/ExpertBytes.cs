using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>Bytes of one gated expert (gate, up and down projection) as GPU engines store it, scales included.</summary>
public static class ExpertBytes
{
    private const int Fp8Block = 128, Int4Group = 32;

    /// <summary>Codes and scales: fp8 with one fp32 scale for 128 × 128 weights, int8 with one bf16 scale a row, int4 with one
    /// half-precision scale for 32 weights.</summary>
    /// <param name="hidden">Width of the hidden state.</param>
    /// <param name="intermediate">Width of the expert.</param>
    /// <param name="precision">How it is stored.</param>
    public static long Of(int hidden, int intermediate, Precision precision) =>
        2 * Matrix(intermediate, hidden, precision) + Matrix(hidden, intermediate, precision);

    private static long Matrix(long rows, long columns, Precision precision) => precision switch
    {
        Precision.Fp32 => 4 * rows * columns,
        Precision.Fp16 or Precision.Bf16 => 2 * rows * columns,
        Precision.Fp8 => rows * columns + 4 * Blocks(rows, Fp8Block) * Blocks(columns, Fp8Block),
        Precision.Int8 or Precision.LlmInt8 => rows * columns + 2 * rows,
        _ => rows * Blocks(columns, 2) + 2 * rows * Blocks(columns, Int4Group),
    };

    private static long Blocks(long length, int block) => (length + block - 1) / block;
}
