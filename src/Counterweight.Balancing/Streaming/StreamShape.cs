namespace Counterweight.Balancing.Streaming;

/// <summary>How long a stream is and of what grain.</summary>
public sealed record StreamShape
{
    /// <summary>Segments, 1 to 10000; default 10.</summary>
    public int Segments { get; init; } = 10;

    /// <summary>Windows of each segment, 1 to 10000; default 12.</summary>
    public int Windows { get; init; } = 12;

    /// <summary>Units that a window is put together from, 1 to 1024: mixtures have this grain. Default 4.</summary>
    public int Units { get; init; } = 4;

    /// <summary>The seed of what is drawn; default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Checks all ranges.</summary>
    /// <exception cref="InvalidInputException">A value is out of its range: names it.</exception>
    public void Check()
    {
        Between(Segments, 10_000, "segments");
        Between(Windows, 10_000, "windows of a segment");
        Between(Units, 1024, "units of a window");
    }

    private static void Between(int value, int max, string name)
    {
        if (value < 1 || value > max)
            throw new InvalidInputException(name, $"{value}", $"1 to {max}");
    }
}
