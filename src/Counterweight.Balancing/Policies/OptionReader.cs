using System.Globalization;

namespace Counterweight.Balancing.Policies;

/// <summary>Reads a policy's options by name; what is not asked for is unknown.</summary>
internal sealed class OptionReader(string policy, IReadOnlyDictionary<string, string> options)
{
    private readonly HashSet<string> _known = [];

    public int Integer(string name, int defaultValue, int min, int max)
    {
        if (Find(name) is not { } text)
            return defaultValue;
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : throw Wrong(name, text, $"an integer from {min} to {max}");
    }

    public double Number(string name, double defaultValue, double min, double max)
    {
        if (Find(name) is not { } text)
            return defaultValue;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : throw Wrong(name, text, string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"));
    }

    /// <summary>The index of one of the names.</summary>
    public int Choice(string name, int defaultValue, IReadOnlyList<string> names)
    {
        if (Find(name) is not { } text)
            return defaultValue;
        for (var i = 0; i < names.Count; i++)
            if (names[i] == text)
                return i;
        throw Wrong(name, text, "one of " + string.Join(", ", names));
    }

    /// <summary>Refuses options that nobody has asked for.</summary>
    public void RefuseOthers()
    {
        foreach (var name in options.Keys)
            if (!_known.Contains(name))
                throw new InvalidInputException($"policy {policy}", $"unknown option \"{name}\"",
                    _known.Count == 0 ? "no options" : "only " + string.Join(", ", _known));
    }

    private string? Find(string name)
    {
        _known.Add(name);
        return options.GetValueOrDefault(name);
    }

    private InvalidInputException Wrong(string name, string found, string expected) =>
        new($"policy {policy}: option {name}", $"\"{found}\"", expected);
}
