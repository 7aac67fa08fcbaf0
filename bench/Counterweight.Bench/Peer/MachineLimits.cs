namespace Counterweight.Bench.Peer;

/// <summary>What the machine can do at most, by own probes.</summary>
/// <param name="Threads">Threads at once.</param>
/// <param name="ReadBytesPerSecond">Reading memory that no cache holds.</param>
/// <param name="FloatOperationsPerSecond">fp32 multiplications and additions in registers.</param>
/// <param name="BFloat16OperationsPerSecond">bf16 multiplications and additions into fp32 in registers.</param>
/// <param name="ByteOperationsPerSecond">8-bit multiplications and additions into 32 bits in registers.</param>
internal sealed record MachineLimits(int Threads, double ReadBytesPerSecond, double FloatOperationsPerSecond, double BFloat16OperationsPerSecond, double ByteOperationsPerSecond)
{
    public static MachineLimits Measure(int threads) => new(
        threads, MachineProbe.ReadBytesPerSecond(threads), MachineProbe.Together(threads, Processor.PeakGflops), MachineProbe.Together(threads, PeakProducts.BFloat16),
        MachineProbe.Together(threads, PeakProducts.Bytes));

    /// <summary>Bytes that must be read for each token, against what can be read.</summary>
    public double ShareOfBandwidth(double bytesPerToken, double tokensPerSecond) => bytesPerToken * tokensPerSecond / ReadBytesPerSecond;

    /// <summary>Operations that each token takes, against the peak: of 8 bits where weights have 8 bits or fewer, otherwise of bf16.</summary>
    public double ShareOfArithmetic(BlockFormat format, long weightsPerToken, double tokensPerSecond) =>
        2.0 * weightsPerToken * tokensPerSecond / (format.BytesPerWeight < 2 ? ByteOperationsPerSecond : BFloat16OperationsPerSecond);
}
