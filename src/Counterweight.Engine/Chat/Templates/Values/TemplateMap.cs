namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>A dictionary in the order of its keys' first appearance; templates can't change it.</summary>
internal sealed class TemplateMap
{
    private readonly OrderedDictionary<object, object?> _entries = [];

    /// <summary>See <see cref="Weights"/>.</summary>
    public long Weight { get; private set; } = 1;

    public int Count => _entries.Count;

    public IEnumerable<object> Keys => _entries.Keys;

    public IEnumerable<object?> Values => _entries.Values;

    public IEnumerable<KeyValuePair<object, object?>> Entries => _entries;

    public object? this[object key]
    {
        set
        {
            _entries[key] = value;
            Weight = Weights.Sum(Weight, Weights.Of(key) + Weights.Of(value));
        }
    }

    public bool TryGet(object? key, out object? value)
    {
        value = null;
        return key is not null && _entries.TryGetValue(key, out value);
    }
}
