using Counterweight.Engine.Checkpoints;

namespace Counterweight.Engine.Models;

/// <summary>Refuses what a family does not compute, by name.</summary>
internal static class ConfigSwitches
{
    /// <summary>A switch that published files also give as a number, 0 for off.</summary>
    public static bool Switch(this ConfigReader file, string key, bool fallback) => file.IsNumber(key) ? file.Double(key, 0, 1e9) != 0 : file.Bool(key, fallback);

    /// <summary>Refuses a switch that is set to anything else than the one value that is computed.</summary>
    public static void Require(this ConfigReader file, string key, bool value)
    {
        if (file.Bool(key, value) != value)
            throw file.NothingElse(key, value ? "true" : "false");
    }

    /// <summary>The same for a word.</summary>
    public static void Require(this ConfigReader file, string key, params string[] values)
    {
        if (!values.Contains(file.String(key, values[0])))
            throw file.NothingElse(key, string.Join(" or ", values.Select(value => $"\"{value}\"")));
    }

    /// <summary>Refuses a number other than the one that is computed.</summary>
    public static void Require(this ConfigReader file, string key, double value)
    {
        if (file.Double(key, double.MinValue, double.MaxValue, value) != value)
            throw file.NothingElse(key, FormattableString.Invariant($"{value}"));
    }

    private static Balancing.InvalidInputException NothingElse(this ConfigReader file, string key, string expected) =>
        file.Refuse(key, $"{expected}: nothing else is supported for {file.String("model_type")}");
}
