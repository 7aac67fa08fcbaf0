using System.Runtime.CompilerServices;

namespace Counterweight.Engine.Chat.Templates.Expressions;

/// <summary>A node that has a value.</summary>
internal abstract class Expression(int position)
{
    /// <summary>Offset in the template.</summary>
    public int Position { get; } = position;

    /// <summary>The value under the names of a scope.</summary>
    public object? Evaluate(Scope scope)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        try
        {
            scope.Rendering.Work.Charge(1);
            return Compute(scope);
        }
        catch (TemplateFault fault) when (fault.PassesThrough(Position))
        {
            throw;
        }
    }

    protected abstract object? Compute(Scope scope);
}
