using Counterweight.Engine.Chat.Templates.Expressions;
using Counterweight.Engine.Chat.Templates.Values;

namespace Counterweight.Engine.Chat.Templates.Statements;

/// <summary>How a statement ends.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
}

/// <summary>A node that writes or sets something.</summary>
internal abstract class Statement
{
    public abstract Flow Execute(Scope scope);
}

/// <summary>Text of the template.</summary>
internal sealed class Text(string text) : Statement
{
    public override Flow Execute(Scope scope)
    {
        scope.Rendering.Write(text);
        return Flow.Next;
    }
}

/// <summary><c>{{ value }}</c>.</summary>
internal sealed class Print(Expression value) : Statement
{
    public override Flow Execute(Scope scope)
    {
        scope.Rendering.Write(TemplateText.Of(value.Evaluate(scope), scope.Rendering.Work));
        return Flow.Next;
    }
}

/// <summary>Statements one after another, up to a break or continue.</summary>
internal sealed class Body(IReadOnlyList<Statement> statements) : Statement
{
    public override Flow Execute(Scope scope)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        foreach (var statement in statements)
            if (statement.Execute(scope) is not Flow.Next and var flow)
                return flow;
        return Flow.Next;
    }

    /// <summary>What the statements write under names of their own.</summary>
    public string Capture(Scope scope) => scope.Rendering.Capture(() => Execute(scope.Nested()));
}

/// <summary><c>break</c> or <c>continue</c>.</summary>
internal sealed class Jump(Flow flow) : Statement
{
    public override Flow Execute(Scope scope) => flow;
}

/// <summary><c>if</c>, <c>elif</c>, <c>else</c>.</summary>
internal sealed class If(IReadOnlyList<(Expression Condition, Body Body)> branches, Body? otherwise) : Statement
{
    public override Flow Execute(Scope scope)
    {
        foreach (var (condition, body) in branches)
            if (Truth.Of(condition.Evaluate(scope)))
                return body.Execute(scope);
        return otherwise?.Execute(scope) ?? Flow.Next;
    }
}

/// <summary><c>with</c> and <c>generation</c>: statements with names of their own.</summary>
internal sealed class Block(IReadOnlyList<(Target Target, Expression Value)> assignments, Body body) : Statement
{
    public override Flow Execute(Scope scope)
    {
        var inner = scope.Nested();
        foreach (var (target, value) in assignments)
            target.Assign(inner, value.Evaluate(scope));
        return body.Execute(inner);
    }
}

/// <summary><c>filter</c>: what its body writes, through filters.</summary>
internal sealed class FilterBlock(FilterCall filter, Body body) : Statement
{
    public override Flow Execute(Scope scope)
    {
        scope.Rendering.Write(TemplateText.Of(filter.Apply(body.Capture(scope), scope), scope.Rendering.Work));
        return Flow.Next;
    }
}
