namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>The arguments of a call, in order and by name.</summary>
/// <param name="Callee">What messages call the function.</param>
/// <param name="Work">Where the call's work is counted.</param>
/// <param name="Positional">In order.</param>
/// <param name="Named">By name.</param>
internal sealed record Arguments(string Callee, WorkLimit Work, IReadOnlyList<object?> Positional, IReadOnlyDictionary<string, object?> Named)
{
    /// <summary>Refuses arguments beyond these parameters.</summary>
    public Arguments Allow(params ReadOnlySpan<string> parameters)
    {
        if (Positional.Count > parameters.Length)
            throw new TemplateFault($"{Positional.Count} arguments of {Callee}", $"at most {parameters.Length}");
        foreach (var name in Named.Keys)
            if (!parameters.Contains(name))
                throw new TemplateFault($"the argument {name} of {Callee}", parameters.Length == 0 ? "none of that name" : string.Join(", ", parameters.ToArray()));
        return this;
    }

    /// <summary>Whether an argument was given.</summary>
    public bool Has(int index, string name) => index < Positional.Count || Named.ContainsKey(name);

    /// <summary>An argument, or the fallback.</summary>
    public object? Get(int index, string name, object? fallback) =>
        index < Positional.Count ? Positional[index] : Named.TryGetValue(name, out var value) ? value : fallback;

    /// <summary>An argument that must be given.</summary>
    public object? Require(int index, string name) =>
        Has(index, name) ? Get(index, name, null) : throw new TemplateFault($"no argument {name} of {Callee}", "one");

    /// <summary>A text argument.</summary>
    public string Text(int index, string name, string? fallback = null) =>
        (fallback is null ? Require(index, name) : Get(index, name, fallback)) is var value && value is string text
            ? text
            : throw new TemplateFault($"{TemplateText.Kind(value)} as {name} of {Callee}", "a string");

    /// <summary>A whole number as argument; null where none or none was given.</summary>
    public long? Integer(int index, string name) => Get(index, name, null) switch
    {
        null => null,
        long value => value,
        bool value => value ? 1 : 0,
        var other => throw new TemplateFault($"{TemplateText.Kind(other)} as {name} of {Callee}", "an integer"),
    };

    /// <summary>A condition as argument.</summary>
    public bool Flag(int index, string name, bool fallback = false) => Truth.Of(Get(index, name, fallback));
}
