using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;

namespace Counterweight.Engine.Layers;

/// <summary>What a config says of its rotary embedding: <c>rope_theta</c> and <c>rope_scaling</c> as on the hub, or <c>rope_parameters</c> as newer files have it.</summary>
/// <param name="Scaling">The object with the type and what belongs to it; null where there is none.</param>
/// <param name="Theta">The base.</param>
/// <param name="Type"><c>default</c> where nothing says another.</param>
/// <param name="MaxPositions">Longest text.</param>
/// <param name="OriginalPositions">Longest text of the original training, which scalings start from; <paramref name="MaxPositions"/> where nothing says another.</param>
public sealed record RopeSettings(ConfigReader? Scaling, double Theta, string Type, int MaxPositions, int OriginalPositions)
{
    private const string Original = "original_max_position_embeddings";

    /// <summary>Reads the keys.</summary>
    /// <param name="config">The whole file.</param>
    /// <param name="theta">The base where the file does not say.</param>
    /// <exception cref="InvalidInputException">A value out of its range, or settings for each type of layer.</exception>
    public static RopeSettings Read(ConfigReader config, double theta = 10000)
    {
        var scaling = config.OptionalObject("rope_scaling") ?? config.OptionalObject("rope_parameters");
        if (scaling?.Objects() is [var (layers, _), ..])
            throw scaling.Refuse(layers, "no settings for each type of layer: one rotary embedding for all layers is supported");
        theta = config.Double("rope_theta", 1, 1e12, theta);
        var positions = config.Int("max_position_embeddings", 1, int.MaxValue);
        return new RopeSettings(
            scaling,
            scaling?.Double("rope_theta", 1, 1e12, theta) ?? theta,
            scaling?.String(["rope_type", "type"], "default") ?? "default",
            positions,
            config.Int(Original, 2, int.MaxValue, scaling?.Int(Original, 2, int.MaxValue, positions) ?? positions));
    }

    /// <summary>An error about the type.</summary>
    public InvalidInputException RefuseType(string expected) => Scaling!.Refuse(Scaling.Has("rope_type") ? "rope_type" : "type", expected);
}
