namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Filters over lists and mappings.</summary>
internal static class SequenceFilters
{
    public static TemplateList Batch(object? value, Arguments arguments)
    {
        var size = arguments.Allow("linecount", "fill_with").Integer(0, "linecount") is > 0 and <= int.MaxValue and var count
            ? (int)count
            : throw new TemplateFault("no size of a batch", "1 or more");
        var rows = new List<object?>();
        foreach (var row in Sequences.Items(value, arguments.Work).Chunk(size))
        {
            List<object?> items = [.. row];
            if (arguments.Get(1, "fill_with", null) is { } filler)
            {
                arguments.Work.Charge(size);
                items.AddRange(Enumerable.Repeat(filler, size - items.Count));
            }
            rows.Add(new TemplateList(items));
        }
        return new TemplateList(rows);
    }

    public static object? Extreme(object? value, Arguments arguments, int sign)
    {
        arguments.Allow("case_sensitive", "attribute");
        var key = KeyOf(arguments, 0, 1);
        object? best = new Undefined("an item");
        arguments.Work.Charge(Weights.Of(value));
        foreach (var item in Sequences.Items(value, arguments.Work))
            if (best is Undefined || Truth.Compare(key(item), key(best)) * sign > 0)
                best = item;
        return best;
    }

    public static TemplateList GroupBy(object? value, Arguments arguments)
    {
        arguments.Allow("attribute", "default", "case_sensitive");
        var path = arguments.Require(0, "attribute");
        object? KeyOf(object? item) => Selections.Attribute(item, path) is var key && key is Undefined && arguments.Has(1, "default") ? arguments.Get(1, "default", null) : key;
        var groups = new List<(object? Key, List<object?> Items)>();
        foreach (var item in Sorted(Sequences.Items(value, arguments.Work), KeyOf, reverse: false, arguments.Work))
            if (groups.Count > 0 && Truth.AreEqual(groups[^1].Key, KeyOf(item)))
                groups[^1].Items.Add(item);
            else
                groups.Add((KeyOf(item), [item]));
        return new TemplateList([.. groups.Select(group => new TemplateList([group.Key, new TemplateList(group.Items)], IsTuple: true))]);
    }

    public static string Join(object? value, Arguments arguments)
    {
        arguments.Allow("d", "attribute");
        var separator = TemplateText.Of(arguments.Get(0, "d", ""), arguments.Work);
        var attribute = arguments.Get(1, "attribute", null);
        var texts = Sequences.Items(value, arguments.Work).Select(item => TemplateText.Of(attribute is null ? item : Selections.Attribute(item, attribute), arguments.Work)).ToArray();
        arguments.Work.Charge(texts.Sum(text => (long)text.Length + separator.Length));
        return string.Join(separator, texts);
    }

    public static TemplateList Sort(object? value, Arguments arguments)
    {
        arguments.Allow("reverse", "case_sensitive", "attribute");
        return new TemplateList(Sorted(Sequences.Items(value, arguments.Work), KeyOf(arguments, 1, 2), arguments.Flag(0, "reverse"), arguments.Work));
    }

    public static TemplateList SortEntries(object? value, Arguments arguments)
    {
        arguments.Allow("case_sensitive", "by", "reverse");
        if (value is not TemplateMap map)
            throw new TemplateFault($"dictsort of {TemplateText.Kind(value)}", "a mapping");
        var part = arguments.Text(1, "by", "key") switch
        {
            "key" => 0,
            "value" => 1,
            var other => throw new TemplateFault($"dictsort by {other}", "key or value"),
        };
        var ignoresCase = !arguments.Flag(0, "case_sensitive");
        return new TemplateList(Sorted(Attributes.Pairs(map, arguments.Work).Items,
            pair => Folded(((TemplateList)pair!).Items[part], ignoresCase), arguments.Flag(2, "reverse"), arguments.Work));
    }

    public static object Sum(object? value, Arguments arguments)
    {
        arguments.Allow("attribute", "start");
        var attribute = arguments.Get(0, "attribute", null);
        var sum = arguments.Get(1, "start", 0L)!;
        foreach (var item in Sequences.Items(value, arguments.Work))
            sum = Numbers.Apply("+", sum, attribute is null ? item : Selections.Attribute(item, attribute));
        return sum;
    }

    public static TemplateList Unique(object? value, Arguments arguments)
    {
        arguments.Allow("case_sensitive", "attribute");
        var key = KeyOf(arguments, 0, 1);
        var (kept, keys) = (new List<object?>(), new List<object?>());
        foreach (var item in Sequences.Items(value, arguments.Work))
        {
            var own = key(item);
            arguments.Work.Charge(keys.Count * Math.Min(Weights.Of(own), 1L << 40) / 4);
            if (keys.Exists(known => Truth.AreEqual(known, own)))
                continue;
            keys.Add(own);
            kept.Add(item);
        }
        return new TemplateList(kept);
    }

    private static List<object?> Sorted(IReadOnlyList<object?> items, Func<object?, object?> key, bool reverse, WorkLimit work)
    {
        work.Charge(16 * items.Aggregate(0L, (sum, item) => Weights.Sum(sum, Weights.Of(item))) / 4);
        var comparer = Comparer<object?>.Create(Truth.Compare);
        // Both keep the order of equal items, as Python does.
        return [.. reverse ? items.OrderByDescending(key, comparer) : items.OrderBy(key, comparer)];
    }

    /// <summary>What items are compared by: themselves or an attribute, in lower case unless case counts.</summary>
    private static Func<object?, object?> KeyOf(Arguments arguments, int caseIndex, int attributeIndex)
    {
        var ignoresCase = !arguments.Flag(caseIndex, "case_sensitive");
        var attribute = arguments.Get(attributeIndex, "attribute", null);
        return item => Folded(attribute is null ? item : Selections.Attribute(item, attribute), ignoresCase);
    }

    private static object? Folded(object? value, bool ignoresCase) => ignoresCase && value is string text ? CodePoints.Lower(text) : value;
}
