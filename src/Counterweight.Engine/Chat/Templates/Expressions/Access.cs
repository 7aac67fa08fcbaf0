using Counterweight.Engine.Chat.Templates.Values;

namespace Counterweight.Engine.Chat.Templates.Expressions;

/// <summary><c>value.name</c>.</summary>
internal sealed class AttributeAccess(Expression value, string name, int position) : Expression(position)
{
    protected override object? Compute(Scope scope) => Attributes.Get(value.Evaluate(scope), name);
}

/// <summary><c>value[key]</c>.</summary>
internal sealed class ItemAccess(Expression value, Expression key, int position) : Expression(position)
{
    protected override object? Compute(Scope scope) => Attributes.Item(value.Evaluate(scope), key.Evaluate(scope));
}

/// <summary><c>value[start:stop:step]</c>.</summary>
internal sealed class SliceAccess(Expression value, Expression? start, Expression? stop, Expression? step, int position) : Expression(position)
{
    protected override object Compute(Scope scope) =>
        Sequences.Slice(value.Evaluate(scope), Bound(start, scope), Bound(stop, scope), Bound(step, scope), scope.Rendering.Work);

    private static long? Bound(Expression? bound, Scope scope) => bound?.Evaluate(scope) switch
    {
        null => null,
        var value => Numbers.ToInteger(value),
    };
}
