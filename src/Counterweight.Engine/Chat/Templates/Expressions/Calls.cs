using Counterweight.Engine.Chat.Templates.Values;

namespace Counterweight.Engine.Chat.Templates.Expressions;

/// <summary>The arguments that a call is written with.</summary>
internal sealed record ArgumentList(
    IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named, Expression? Unpacked = null, Expression? UnpackedNamed = null)
{
    public static ArgumentList Empty { get; } = new([], []);

    public Arguments Evaluate(string callee, Scope scope, params ReadOnlySpan<object?> first)
    {
        List<object?> positional = [.. first];
        foreach (var expression in Positional)
            positional.Add(expression.Evaluate(scope));
        if (Unpacked is not null)
            positional.AddRange(Sequences.Items(Unpacked.Evaluate(scope), scope.Rendering.Work));
        var named = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, value) in Named)
            named[name] = value.Evaluate(scope);
        if (UnpackedNamed?.Evaluate(scope) is TemplateMap map)
            foreach (var (key, value) in map.Entries)
                named[TemplateText.Of(key)] = value;
        scope.Rendering.Work.Charge(positional.Count + named.Count);
        return new Arguments(callee, scope.Rendering.Work, positional, named);
    }
}

/// <summary><c>function(arguments)</c>.</summary>
internal sealed class Call(Expression function, ArgumentList arguments, int position) : Expression(position)
{
    protected override object? Compute(Scope scope) => Invoke(scope, caller: null);

    /// <summary>Calls, with what a call block hands over as <c>caller</c>.</summary>
    public object? Invoke(Scope scope, TemplateFunction? caller)
    {
        var value = function.Evaluate(scope);
        if (value is not TemplateFunction callee)
            throw value is Undefined undefined ? undefined.Fault() : new TemplateFault($"a call of {TemplateText.Kind(value)}", "a function");
        var evaluated = arguments.Evaluate(callee.Name, scope);
        if (caller is not null)
            evaluated = evaluated with { Named = new Dictionary<string, object?>(evaluated.Named) { ["caller"] = caller } };
        return callee.Call(evaluated);
    }
}

/// <summary><c>value | filter(arguments)</c>.</summary>
internal sealed class FilterCall(Expression? value, string name, ArgumentList arguments, int position) : Expression(position)
{
    // What isn't known is refused where it is used: templates have branches for other renderers.
    private readonly Func<object?, Arguments, object?> _filter = Filters.Find(name) ?? ((_, _) => throw new TemplateFault($"the filter {name}", "a known filter"));

    protected override object? Compute(Scope scope) => Apply(value!.Evaluate(scope), scope);

    /// <summary>Applies the filter to a value that is there already.</summary>
    public object? Apply(object? input, Scope scope) => value is FilterCall inner && inner.IsOpen
        ? Filter(inner.Apply(input, scope), scope)
        : Filter(input, scope);

    /// <summary>Whether the chain of filters starts without a value, as in a block.</summary>
    public bool IsOpen => value is null || (value is FilterCall inner && inner.IsOpen);

    private object? Filter(object? input, Scope scope) => _filter(input, arguments.Evaluate(name, scope));
}

/// <summary><c>value is test(arguments)</c>.</summary>
internal sealed class TestCall(Expression value, string name, ArgumentList arguments, int position) : Expression(position)
{
    private readonly Func<object?, Arguments, bool> _test = Tests.Find(name) ?? ((_, _) => throw new TemplateFault($"the test {name}", "a known test"));

    protected override object Compute(Scope scope) => _test(value.Evaluate(scope), arguments.Evaluate(name, scope));
}
