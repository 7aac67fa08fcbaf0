namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Lengths, items, slices and membership, as in Python.</summary>
internal static class Sequences
{
    private const string Iterable = "a list, tuple, mapping or string";

    /// <summary>The items that a loop or filter goes through; of a mapping the keys.</summary>
    public static IReadOnlyList<object?> Items(object? value, WorkLimit work)
    {
        work.Charge(value is string text ? text.Length : value is TemplateMap map ? map.Count : 0);
        return value switch
        {
            TemplateList list => list.Items,
            TemplateMap entries => [.. entries.Keys],
            string characters => [.. CodePoints.Each(characters)],
            Undefined => [],
            _ => throw new TemplateFault(TemplateText.Kind(value), Iterable),
        };
    }

    public static long Count(object? value) => value switch
    {
        string text => CodePoints.Count(text),
        TemplateList list => list.Count,
        TemplateMap map => map.Count,
        Undefined => 0,
        _ => throw new TemplateFault($"the length of {TemplateText.Kind(value)}", Iterable),
    };

    public static bool Contains(object? container, object? item, WorkLimit work)
    {
        switch (container)
        {
            case string text:
                work.Charge(text.Length);
                return item is string part
                    ? text.Contains(part, StringComparison.Ordinal)
                    : throw new TemplateFault($"{TemplateText.Kind(item)} in a string", "a string in a string");
            case TemplateMap map:
                return map.TryGet(item, out _);
            default:
                var items = Items(container, work);
                work.Charge(Weights.Of(container));
                return items.Any(candidate => Truth.AreEqual(candidate, item));
        }
    }

    /// <summary>The item at an index from the start or, below 0, from the end; false where there is none.</summary>
    public static bool TryItem(object? value, long index, out object? item)
    {
        item = null;
        if (value is not (string or TemplateList))
            return false;
        var count = Count(value);
        index += index < 0 ? count : 0;
        if (index < 0 || index >= count)
            return false;
        item = value is TemplateList list ? list.Items[(int)index] : CodePoints.Each((string)value).ElementAt((int)index);
        return true;
    }

    public static object Slice(object? value, long? start, long? stop, long? step, WorkLimit work)
    {
        if (value is not (string or TemplateList))
            throw value is Undefined undefined ? undefined.Fault() : new TemplateFault($"a slice of {TemplateText.Kind(value)}", "one of a list or a string");
        var items = Items(value, work);
        var taken = new List<object?>();
        var by = step ?? 1;
        if (by == 0)
            throw new TemplateFault("a slice with step 0", "another step");
        var (first, end) = by > 0
            ? (Bound(start ?? 0, items.Count, 0, items.Count), Bound(stop ?? items.Count, items.Count, 0, items.Count))
            : (Bound(start ?? items.Count - 1, items.Count, -1, items.Count - 1), stop is null ? -1 : Bound(stop.Value, items.Count, -1, items.Count - 1));
        for (var i = first; by > 0 ? i < end : i > end; i = checked(i + by))
            taken.Add(items[(int)i]);
        work.Charge(taken.Count);
        return value is TemplateList list ? new TemplateList(taken, list.IsTuple) : string.Concat(taken);
    }

    private static long Bound(long index, int count, int low, int high) => Math.Clamp(index < 0 ? Math.Max(index, -count - 1L) + count : index, low, high);
}
