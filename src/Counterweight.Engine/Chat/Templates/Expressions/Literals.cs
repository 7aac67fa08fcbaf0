using Counterweight.Engine.Chat.Templates.Values;

namespace Counterweight.Engine.Chat.Templates.Expressions;

/// <summary>A value that is written out.</summary>
internal sealed class Literal(object? value, int position) : Expression(position)
{
    public object? Value => value;

    protected override object? Compute(Scope scope) => value;
}

/// <summary>A name.</summary>
internal sealed class NameExpression(string name, int position) : Expression(position)
{
    public string Name => name;

    protected override object? Compute(Scope scope) => scope[name];
}

/// <summary><c>[a, b]</c> or <c>(a, b)</c>.</summary>
internal sealed class ListExpression(IReadOnlyList<Expression> items, bool isTuple, int position) : Expression(position)
{
    public IReadOnlyList<Expression> Items => items;

    public bool IsTuple => isTuple;

    protected override object Compute(Scope scope) => new TemplateList([.. items.Select(item => item.Evaluate(scope))], isTuple);
}

/// <summary><c>{a: b}</c>.</summary>
internal sealed class MapExpression(IReadOnlyList<(Expression Key, Expression Value)> entries, int position) : Expression(position)
{
    protected override object Compute(Scope scope)
    {
        var map = new TemplateMap();
        foreach (var (key, value) in entries)
            map[key.Evaluate(scope) is (string or long or double or bool) and var name ? name : throw new TemplateFault("a key of another kind", "a string or a number")] = value.Evaluate(scope);
        return map;
    }
}
