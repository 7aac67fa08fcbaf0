using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints.Gguf;

namespace Counterweight.Engine.Quantization.Formats;

/// <summary>Finds formats by name: balanced checkpoints name them beside their bytes.</summary>
public static class StoredFormats
{
    private static readonly Func<string, StoredFormat?>[] Parsers =
    [
        name => FloatFormat.All.FirstOrDefault(format => format.Name == name),
        name => GgmlFormats.All.FirstOrDefault(format => format.Name == name),
        Fp8Format.Parse,
        Mxfp4Format.Parse,
        Nvfp4Format.Parse,
        GroupedIntFormat.Parse,
    ];

    /// <summary>The format of that name.</summary>
    /// <param name="name">A <see cref="StoredFormat.Name"/>.</param>
    /// <param name="place">What messages call the place that the name stands in.</param>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static StoredFormat Parse(string name, string place) =>
        Parsers.Select(parse => parse(name)).FirstOrDefault(format => format is not null)
            ?? throw new InvalidInputException(place, $"format \"{name}\"", "a format that this version knows");
}
