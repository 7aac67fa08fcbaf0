using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>
/// The keys of a file that describe its architecture, named without the architecture in front, and which of them were asked for: one that
/// nobody asks for may change what the model computes, so it is refused.
/// </summary>
internal sealed class GgufKeys(GgufMetadata metadata, string architecture)
{
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    /// <summary>Whether the key is there.</summary>
    public bool Has(string key) => metadata.Has(Full(key));

    /// <summary>An integer.</summary>
    public long Integer(string key, long? fallback = null) => metadata.Integer(Full(key), fallback);

    /// <summary>A finite number.</summary>
    public double Number(string key, double? fallback = null) =>
        metadata.Number(Full(key), fallback) is var number && double.IsFinite(number) ? number : throw Refuse(key, "a finite number");

    /// <summary>True or false.</summary>
    public bool Bool(string key, bool fallback) => metadata.Bool(Full(key), fallback);

    /// <summary>A string.</summary>
    public string String(string key, string fallback) => metadata.String(Full(key), fallback);

    /// <summary>Integers; a lone one is a list of one.</summary>
    public long[] Integers(string key, long[]? fallback = null) => metadata.Integers(Full(key), fallback);

    /// <summary>An integer that may be given for each layer, and then must be the same everywhere.</summary>
    public long Uniform(string key, long? fallback = null)
    {
        var values = Integers(key, fallback is { } given ? [given] : null);
        return values.Distinct().Count() == 1 ? values[0] : throw Refuse(key, "the same number for every layer");
    }

    /// <summary>The largest of integers that may be given for each layer.</summary>
    public long Largest(string key, long? fallback = null)
    {
        var values = Integers(key, fallback is { } given ? [given] : null);
        return values.Length > 0 ? values.Max() : throw Refuse(key, "at least one number");
    }

    /// <summary>Refuses a key that is there with another value.</summary>
    public void Require(string key, long value)
    {
        if (Integer(key, value) != value)
            throw Refuse(key, $"{value}: nothing else is supported for {architecture}");
    }

    /// <summary>Marks keys as known that change nothing here.</summary>
    public void Ignore(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
            Full(key);
    }

    /// <summary>An error about the value under the key.</summary>
    public InvalidInputException Refuse(string key, string expected) => metadata.Refuse(Full(key), expected);

    /// <summary>Refuses the first key of the architecture that nobody asked for.</summary>
    public void RefuseUnknown()
    {
        foreach (var key in metadata.Keys.Where(key => key.StartsWith(architecture + ".", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            if (!_asked.Contains(key))
                throw metadata.Refuse(key, $"no such key: what it switches is not supported for {architecture}");
    }

    private string Full(string key)
    {
        var full = $"{architecture}.{key}";
        _asked.Add(full);
        return full;
    }
}
