namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Something that a template can call.</summary>
internal sealed record TemplateFunction(string Name, Func<Arguments, object?> Call);

/// <summary>Something with attributes that templates can read.</summary>
internal interface IAttributes
{
    bool TryGet(string name, out object? value);
}

/// <summary>What <c>namespace()</c> makes: the one thing whose attributes a template can set.</summary>
internal sealed class Namespace : IAttributes
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public object? this[string name]
    {
        set => _values[name] = value;
    }

    public bool TryGet(string name, out object? value) => _values.TryGetValue(name, out value);
}
