using System.Globalization;
using Counterweight.Balancing;

namespace Counterweight.Engine.Generation;

/// <summary>How a <see cref="GenerationSession"/> shares the model among its requests.</summary>
public sealed record SessionOptions
{
    /// <summary>What sessions do unless told otherwise.</summary>
    public static readonly SessionOptions Default = new();

    /// <summary>
    /// Tokens of one step at most, 1 to 65536: those of running texts first, then parts of prompts. More makes prompts faster and running texts wait longer.
    /// Default 512.
    /// </summary>
    public int TokensPerStep { get; init; } = 512;

    /// <summary>Texts that run at once at most, 1 to 65536; never more than <see cref="TokensPerStep"/>. Default 256.</summary>
    public int MaxSequences { get; init; } = 256;

    /// <summary>Bytes that keys and values may take, those kept for other prompts included; null (default): a quarter of the machine's memory.</summary>
    public long? CacheBytes { get; init; }

    /// <summary>Keeps keys and values of ended texts for prompts that begin alike. Default true.</summary>
    public bool ReusePrefixes { get; init; } = true;

    /// <summary>Pages of that size that fit.</summary>
    internal int Pages(long pageBytes) =>
        (int)Math.Clamp((CacheBytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4) / pageBytes, 0, int.MaxValue);

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="InvalidInputException">An option is outside of its range.</exception>
    public void Validate()
    {
        Check("tokens per step", TokensPerStep, 65536);
        Check("sequences at once", MaxSequences, 65536);
        Check("cache bytes", CacheBytes ?? 1, long.MaxValue);
    }

    private static void Check(string name, long value, long max)
    {
        if (value < 1 || value > max)
            throw new InvalidInputException(name, value.ToString(CultureInfo.InvariantCulture), $"1 to {max}");
    }
}
