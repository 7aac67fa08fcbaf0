namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>The filters that go through items with a test, a filter or an attribute: map, select, reject, selectattr, rejectattr.</summary>
internal static class Selections
{
    public static TemplateList Map(object? value, Arguments arguments)
    {
        if (arguments.Positional.Count > 0)
        {
            var name = arguments.Text(0, "filter");
            var filter = Filters.Find(name) ?? throw new TemplateFault($"the filter {name}", "a known filter");
            var rest = arguments with { Callee = name, Positional = [.. arguments.Positional.Skip(1)] };
            return Each(value, arguments, item => filter(item, rest));
        }
        var attribute = arguments.Allow("attribute", "default").Require(0, "attribute");
        return Each(value, arguments, item => Attribute(item, attribute) is var found && found is Undefined && arguments.Has(1, "default")
            ? arguments.Get(1, "default", null) : found);
    }

    public static TemplateList Select(object? value, Arguments arguments, bool byAttribute, bool keeps)
    {
        var (attribute, used) = byAttribute ? (arguments.Require(0, "attribute"), 1) : (null, 0);
        var rest = arguments with { Positional = [.. arguments.Positional.Skip(used + 1)] };
        Func<object?, Arguments, bool> test = (item, _) => Truth.Of(item);
        if (arguments.Positional.Count > used)
            test = Tests.Find(arguments.Text(used, "test")) ?? throw new TemplateFault($"the test {arguments.Text(used, "test")}", "a known test");
        var items = ItemsOf(value, arguments);
        return new TemplateList([.. items.Where(item => test(byAttribute ? Attribute(item, attribute) : item, rest) == keeps)]);
    }

    /// <summary>An attribute by its path, <c>a.b.0</c>.</summary>
    public static object? Attribute(object? item, object? path)
    {
        if (path is not string names)
            return Attributes.Item(item, path);
        foreach (var name in names.Split('.'))
            item = Attributes.Item(item, name.Length is > 0 and < 10 && name.All(char.IsAsciiDigit) ? long.Parse(name, System.Globalization.CultureInfo.InvariantCulture) : name);
        return item;
    }

    private static TemplateList Each(object? value, Arguments arguments, Func<object?, object?> convert) =>
        new([.. ItemsOf(value, arguments).Select(convert)]);

    /// <summary>Whatever is false counts as no items here.</summary>
    private static IReadOnlyList<object?> ItemsOf(object? value, Arguments arguments)
    {
        var items = Truth.Of(value) ? Sequences.Items(value, arguments.Work) : [];
        arguments.Work.Charge(items.Count);
        return items;
    }
}
