namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>The filters, by name.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Func<object?, Arguments, object?>> All = new(StringComparer.Ordinal)
    {
        ["abs"] = (value, a) => Numbers.IsInteger(value) ? (object)Math.Abs(Numbers.ToInteger(value)) : Math.Abs(Numbers.ToDouble(value)),
        ["attr"] = (value, a) => value is IAttributes attributes && attributes.TryGet(a.Text(0, "name"), out var found) ? found : new Undefined($"'{a.Text(0, "name")}'"),
        ["batch"] = (value, a) => SequenceFilters.Batch(value, a),
        ["capitalize"] = (value, a) => CodePoints.Capitalized(TextOf(value, a)),
        ["center"] = (value, a) => TextFilters.Center(TextOf(value, a), a.Allow("width").Integer(0, "width") ?? 80, a.Work),
        ["count"] = (value, a) => Sequences.Count(value),
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = (value, a) => SequenceFilters.SortEntries(value, a),
        ["e"] = (value, a) => TextFilters.Escape(TextOf(value, a)),
        ["escape"] = (value, a) => TextFilters.Escape(TextOf(value, a)),
        ["first"] = (value, a) => Sequences.Items(value, a.Work) is [var first, ..] ? first : new Undefined("a first item"),
        ["float"] = (value, a) => TextFilters.ToFloat(value, a),
        ["forceescape"] = (value, a) => TextFilters.Escape(TextOf(value, a)),
        ["format"] = (value, a) => StringFormat.Percent(TextOf(value, a), a.Positional, a.Work),
        ["groupby"] = (value, a) => SequenceFilters.GroupBy(value, a),
        ["indent"] = (value, a) => TextFilters.Indent(TextOf(value, a), a),
        ["int"] = (value, a) => TextFilters.ToInteger(value, a),
        ["items"] = (value, a) => value is Undefined ? new TemplateList([]) : value is TemplateMap map
            ? Attributes.Pairs(map, a.Work) : throw new TemplateFault($"the items of {TemplateText.Kind(value)}", "a mapping"),
        ["join"] = (value, a) => SequenceFilters.Join(value, a),
        ["last"] = (value, a) => Sequences.Items(value, a.Work) is [.., var last] ? last : new Undefined("a last item"),
        ["length"] = (value, a) => Sequences.Count(value),
        ["list"] = (value, a) => new TemplateList(Sequences.Items(value, a.Work)),
        ["lower"] = (value, a) => CodePoints.Lower(TextOf(value, a)),
        ["map"] = (value, a) => Selections.Map(value, a),
        ["max"] = (value, a) => SequenceFilters.Extreme(value, a, sign: 1),
        ["min"] = (value, a) => SequenceFilters.Extreme(value, a, sign: -1),
        ["reject"] = (value, a) => Selections.Select(value, a, byAttribute: false, keeps: false),
        ["rejectattr"] = (value, a) => Selections.Select(value, a, byAttribute: true, keeps: false),
        ["replace"] = (value, a) => StringMethods.Replace(TextOf(value, a), a.Allow("old", "new", "count"), "count"),
        ["reverse"] = (value, a) => value is string text ? CodePoints.Reversed(text) : new TemplateList([.. Sequences.Items(value, a.Work).Reverse()]),
        ["round"] = (value, a) => TextFilters.Round(value, a),
        ["safe"] = (value, a) => value,
        ["select"] = (value, a) => Selections.Select(value, a, byAttribute: false, keeps: true),
        ["selectattr"] = (value, a) => Selections.Select(value, a, byAttribute: true, keeps: true),
        ["sort"] = (value, a) => SequenceFilters.Sort(value, a),
        ["string"] = (value, a) => TextOf(value, a),
        ["sum"] = (value, a) => SequenceFilters.Sum(value, a),
        ["title"] = (value, a) => TextFilters.Title(TextOf(value, a)),
        ["tojson"] = ToJson,
        ["trim"] = (value, a) => StringMethods.Strip(TextOf(value, a), a, start: true, end: true),
        ["truncate"] = (value, a) => TextFilters.Truncate(TextOf(value, a), a),
        ["unique"] = (value, a) => SequenceFilters.Unique(value, a),
        ["upper"] = (value, a) => CodePoints.Upper(TextOf(value, a)),
        ["urlencode"] = (value, a) => Uri.EscapeDataString(TextOf(value, a)).Replace("%2F", "/", StringComparison.Ordinal),
        ["wordcount"] = (value, a) => (long)StringSplit.FromStart(TextOf(value, a), a).Count,
    };

    /// <summary>The filter of that name, or null.</summary>
    public static Func<object?, Arguments, object?>? Find(string name) => All.GetValueOrDefault(name);

    private static string TextOf(object? value, Arguments arguments) => TemplateText.Of(value, arguments.Work);

    private static object? Default(object? value, Arguments arguments)
    {
        arguments.Allow("default_value", "boolean");
        return value is Undefined || (arguments.Flag(1, "boolean") && !Truth.Of(value)) ? arguments.Get(0, "default_value", "") : value;
    }

    private static string ToJson(object? value, Arguments arguments)
    {
        arguments.Allow("ensure_ascii", "indent", "separators", "sort_keys");
        var indent = arguments.Get(1, "indent", null) switch
        {
            null => null,
            string text => text,
            var width => new string(' ', (int)Math.Clamp(Numbers.ToInteger(width), 0, 64)),
        };
        var separators = arguments.Get(2, "separators", null) switch
        {
            null => (indent is null ? ", " : ",", ": "),
            TemplateList { Items: [string item, string key] } => (item, key),
            var other => throw new TemplateFault($"{TemplateText.Kind(other)} as separators of tojson", "two strings"),
        };
        arguments.Work.Charge(Weights.Of(value));
        return JsonText.Write(value, new JsonStyle(indent, separators.Item1, separators.Item2, arguments.Flag(3, "sort_keys"), arguments.Flag(0, "ensure_ascii")), arguments.Work);
    }
}
