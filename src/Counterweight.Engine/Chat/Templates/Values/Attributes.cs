namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>What <c>value.name</c> and <c>value[key]</c> give.</summary>
internal static class Attributes
{
    /// <summary><c>value.name</c>: a method or attribute, else the item of that key.</summary>
    public static object? Get(object? value, string name) =>
        TryAttribute(value, name, out var found) || TryItem(value, name, out found) ? found : Missing(value, $"'{name}'");

    /// <summary><c>value[key]</c>: the item of that key, else the attribute of that name.</summary>
    public static object? Item(object? value, object? key) =>
        TryItem(value, key, out var found) || (key is string name && TryAttribute(value, name, out found)) ? found : Missing(value, key is string or long ? $"[{TemplateText.Of(new TemplateList([key]))[1..^1]}]" : $"[{TemplateText.Kind(key)}]");

    private static Undefined Missing(object? value, string what) => value is Undefined undefined
        ? throw undefined.Fault()
        : new Undefined($"{what} of {TemplateText.Kind(value)}");

    private static bool TryItem(object? value, object? key, out object? item)
    {
        item = null;
        return value switch
        {
            TemplateMap map => map.TryGet(key, out item),
            _ => Numbers.IsInteger(key) && Sequences.TryItem(value, Numbers.ToInteger(key), out item),
        };
    }

    private static bool TryAttribute(object? value, string name, out object? found)
    {
        found = null;
        return value switch
        {
            string text => StringMethods.TryGet(text, name, out found),
            TemplateMap map => TryMapMethod(map, name, out found),
            TemplateList list => TryListMethod(list, name, out found),
            IAttributes attributes => attributes.TryGet(name, out found),
            _ => false,
        };
    }

    private static bool TryMapMethod(TemplateMap map, string name, out object? method)
    {
        method = name switch
        {
            "get" => new TemplateFunction(name, a => map.TryGet(a.Allow("key", "default").Require(0, "key"), out var value) ? value : a.Get(1, "default", null)),
            "items" => new TemplateFunction(name, a => Pairs(map, a.Allow().Work)),
            "keys" => new TemplateFunction(name, a => Listed(map.Keys, map.Count, a.Allow().Work)),
            "values" => new TemplateFunction(name, a => Listed(map.Values, map.Count, a.Allow().Work)),
            "copy" => new TemplateFunction(name, a => map),
            _ => null,
        };
        return method is not null;
    }

    private static bool TryListMethod(TemplateList list, string name, out object? method)
    {
        method = name switch
        {
            "index" => new TemplateFunction(name, a => IndexOf(list, a.Allow("value").Require(0, "value"), a.Work) is >= 0 and var at
                ? at : throw new TemplateFault("a list without that item", "one that has it")),
            "count" => new TemplateFunction(name, a => Count(list, a.Allow("value").Require(0, "value"), a.Work)),
            "copy" => new TemplateFunction(name, a => list),
            _ => null,
        };
        return method is not null;
    }

    /// <summary>The entries of a mapping as pairs.</summary>
    public static TemplateList Pairs(TemplateMap map, WorkLimit work) =>
        Listed(map.Entries.Select(entry => (object?)new TemplateList([entry.Key, entry.Value], IsTuple: true)), map.Count, work);

    private static TemplateList Listed(IEnumerable<object?> items, int count, WorkLimit work)
    {
        work.Charge(count);
        return new TemplateList([.. items]);
    }

    private static long Count(TemplateList list, object? value, WorkLimit work)
    {
        work.Charge(list.Weight);
        return list.Items.Count(item => Truth.AreEqual(item, value));
    }

    private static long IndexOf(TemplateList list, object? value, WorkLimit work)
    {
        work.Charge(list.Weight);
        for (var i = 0; i < list.Count; i++)
            if (Truth.AreEqual(list.Items[i], value))
                return i;
        return -1;
    }
}
