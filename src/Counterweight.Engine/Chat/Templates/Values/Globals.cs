namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>The functions that templates find without setting them.</summary>
internal static class Globals
{
    // The limit of Jinja's sandbox.
    private const long MaxRange = 100_000;

    /// <summary>Puts them into the outermost scope.</summary>
    public static void AddTo(Scope scope)
    {
        Add(scope, "range", Range);
        Add(scope, "dict", a => Fill(new TemplateMap(), a, (map, key, value) => map[key] = value));
        Add(scope, "namespace", a => Fill(new Namespace(), a, (space, key, value) => space[TemplateText.Of(key)] = value));
        Add(scope, "raise_exception", a => throw new TemplateFault(TemplateText.Of(a.Allow("message").Get(0, "message", ""), a.Work), "messages that the template takes"));
        Add(scope, "strftime_now", a => DateFormat.Write(scope.Rendering.Now, a.Allow("format").Text(0, "format"), a.Work));
        Add(scope, "joiner", a => Joiner(TemplateText.Of(a.Allow("sep").Get(0, "sep", ", "), a.Work)));
        Add(scope, "cycler", a => new Cycler(a.Positional));
    }

    private static void Add(Scope scope, string name, Func<Arguments, object?> call) => scope[name] = new TemplateFunction(name, call);

    private static TemplateList Range(Arguments arguments)
    {
        arguments.Allow("start", "stop", "step");
        var (first, second) = (arguments.Integer(0, "start") ?? throw new TemplateFault("no argument of range", "an integer"), arguments.Integer(1, "stop"));
        var (start, stop, step) = second is null ? (0, first, 1) : (first, second.Value, arguments.Integer(2, "step") ?? 1);
        if (step == 0)
            throw new TemplateFault("a range with step 0", "another step");
        var span = step > 0 ? (Int128)stop - start : (Int128)start - stop;
        var count = span <= 0 ? 0 : (span - 1) / Int128.Abs(step) + 1;
        if (count > MaxRange)
            throw new TemplateFault($"a range of {count} numbers", $"at most {MaxRange}");
        arguments.Work.Charge((long)count);
        return new TemplateList([.. Enumerable.Range(0, (int)count).Select(i => (object?)(start + i * step))]);
    }

    private static T Fill<T>(T target, Arguments arguments, Action<T, object, object?> set)
    {
        foreach (var source in arguments.Positional)
        {
            if (source is not (TemplateMap or TemplateList))
                throw new TemplateFault(TemplateText.Kind(source), "a mapping or pairs");
            foreach (var pair in source is TemplateMap map ? Attributes.Pairs(map, arguments.Work).Items : Sequences.Items(source, arguments.Work))
                if (pair is TemplateList { Items: [{ } key, var value] })
                    set(target, key, value);
                else
                    throw new TemplateFault(TemplateText.Kind(pair), "a pair of key and value");
        }
        foreach (var (name, value) in arguments.Named)
            set(target, name, value);
        return target;
    }

    private static TemplateFunction Joiner(string separator)
    {
        var calls = 0;
        return new TemplateFunction("joiner", _ => calls++ == 0 ? "" : separator);
    }

    private sealed class Cycler(IReadOnlyList<object?> items) : IAttributes
    {
        private int _at;

        public bool TryGet(string name, out object? value)
        {
            value = name switch
            {
                _ when items.Count == 0 => throw new TemplateFault("a cycler of nothing", "one item or more"),
                "next" => new TemplateFunction(name, _ => items[_at++ % items.Count]),
                "current" => items[_at % items.Count],
                _ => null,
            };
            return name is "next" or "current";
        }
    }
}
