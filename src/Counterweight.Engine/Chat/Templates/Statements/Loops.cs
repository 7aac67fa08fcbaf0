using Counterweight.Engine.Chat.Templates.Expressions;
using Counterweight.Engine.Chat.Templates.Values;

namespace Counterweight.Engine.Chat.Templates.Statements;

/// <summary><c>for target in items if condition</c>, with <c>else</c> for no items.</summary>
internal sealed class For(Target target, Expression items, Expression? condition, Body body, Body? otherwise) : Statement
{
    public override Flow Execute(Scope scope)
    {
        var all = Sequences.Items(items.Evaluate(scope), scope.Rendering.Work);
        IReadOnlyList<object?> chosen = condition is null ? all : [.. all.Where(item => IsChosen(item, scope))];
        if (chosen.Count == 0)
            otherwise?.Execute(scope.Nested());
        var loop = new Loop(chosen);
        for (var i = 0; i < chosen.Count; i++)
        {
            loop.Index = i;
            var inner = scope.Nested();
            inner["loop"] = loop;
            target.Assign(inner, chosen[i]);
            if (body.Execute(inner) == Flow.Break)
                break;
        }
        return Flow.Next;
    }

    private bool IsChosen(object? item, Scope scope)
    {
        var inner = scope.Nested();
        target.Assign(inner, item);
        return Truth.Of(condition!.Evaluate(inner));
    }
}

/// <summary>What <c>loop</c> is inside a loop.</summary>
internal sealed class Loop(IReadOnlyList<object?> items) : IAttributes
{
    private object? _lastChanged;

    public int Index { get; set; }

    public bool TryGet(string name, out object? value)
    {
        value = name switch
        {
            "index" => Index + 1L,
            "index0" => (long)Index,
            "revindex" => (long)items.Count - Index,
            "revindex0" => items.Count - Index - 1L,
            "first" => Index == 0,
            "last" => Index == items.Count - 1,
            "length" => (long)items.Count,
            "depth" => 1L,
            "depth0" => 0L,
            "previtem" => Index > 0 ? items[Index - 1] : new Undefined("an item before the first"),
            "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new Undefined("an item behind the last"),
            "cycle" => new TemplateFunction(name, a => a.Positional.Count > 0 ? a.Positional[Index % a.Positional.Count] : throw new TemplateFault("a cycle of nothing", "one item or more")),
            "changed" => new TemplateFunction(name, arguments => Changed(arguments)),
            _ => null,
        };
        // Items may be none; what has no such name is null by itself.
        return value is not null || name is "previtem" or "nextitem";
    }

    private bool Changed(Arguments arguments)
    {
        var now = new TemplateList(arguments.Positional, IsTuple: true);
        var changed = _lastChanged is null || !Truth.AreEqual(_lastChanged, now);
        _lastChanged = now;
        return changed;
    }
}
