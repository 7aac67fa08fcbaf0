using Counterweight.Engine.Chat.Templates.Expressions;
using Counterweight.Engine.Chat.Templates.Values;

namespace Counterweight.Engine.Chat.Templates.Statements;

/// <summary>What can be assigned to.</summary>
internal abstract class Target
{
    public abstract void Assign(Scope scope, object? value);
}

/// <summary>A name.</summary>
internal sealed class NameTarget(string name) : Target
{
    public override void Assign(Scope scope, object? value) => scope[name] = value;
}

/// <summary>An attribute of a namespace.</summary>
internal sealed class NamespaceTarget(string name, string attribute, int position) : Target
{
    public override void Assign(Scope scope, object? value) =>
        (scope[name] as Namespace ?? throw new TemplateFault($"{TemplateText.Kind(scope[name])} to set an attribute of", "a namespace", position))[attribute] = value;
}

/// <summary>Several targets that take apart a list.</summary>
internal sealed class TupleTarget(IReadOnlyList<Target> targets, int position) : Target
{
    public override void Assign(Scope scope, object? value)
    {
        var items = Sequences.Items(value, scope.Rendering.Work);
        if (items.Count != targets.Count)
            throw new TemplateFault($"{items.Count} items for {targets.Count} names", "as many of one as of the other", position);
        for (var i = 0; i < items.Count; i++)
            targets[i].Assign(scope, items[i]);
    }
}

/// <summary><c>set target = value</c>.</summary>
internal sealed class Set(Target target, Expression value) : Statement
{
    public override Flow Execute(Scope scope)
    {
        target.Assign(scope, value.Evaluate(scope));
        return Flow.Next;
    }
}

/// <summary><c>set target</c> … <c>endset</c>: what the body writes, through filters where there are some.</summary>
internal sealed class SetBlock(Target target, FilterCall? filter, Body body) : Statement
{
    public override Flow Execute(Scope scope)
    {
        var text = body.Capture(scope);
        target.Assign(scope, filter is null ? text : filter.Apply(text, scope));
        return Flow.Next;
    }
}
