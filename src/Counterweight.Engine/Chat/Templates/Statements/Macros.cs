using Counterweight.Engine.Chat.Templates.Expressions;
using Counterweight.Engine.Chat.Templates.Values;

namespace Counterweight.Engine.Chat.Templates.Statements;

/// <summary>The parameters and the body of a macro or of a call block.</summary>
internal sealed class MacroBody(string name, IReadOnlyList<(string Name, Expression? Default)> parameters, Body body)
{
    /// <summary>The function that it is, among the names of a scope.</summary>
    public TemplateFunction In(Scope scope) => new(name, arguments => scope.Rendering.Capture(() => body.Execute(Bind(scope.Nested(), arguments))));

    private Scope Bind(Scope inner, Arguments arguments)
    {
        for (var i = 0; i < parameters.Count; i++)
        {
            var (parameter, fallback) = parameters[i];
            inner[parameter] = arguments.Has(i, parameter) ? arguments.Get(i, parameter, null)
                : fallback is null ? new Undefined($"the parameter '{parameter}' of {name}") : fallback.Evaluate(inner);
        }
        inner["varargs"] = new TemplateList([.. arguments.Positional.Skip(parameters.Count)], IsTuple: true);
        var named = new TemplateMap();
        foreach (var (key, value) in arguments.Named)
            if (key != "caller" && parameters.All(parameter => parameter.Name != key))
                named[key] = value;
        inner["kwargs"] = named;
        inner["caller"] = arguments.Named.TryGetValue("caller", out var caller) ? caller : new Undefined("'caller'");
        return inner;
    }
}

/// <summary><c>macro</c>.</summary>
internal sealed class Macro(string name, MacroBody body) : Statement
{
    public override Flow Execute(Scope scope)
    {
        scope[name] = body.In(scope);
        return Flow.Next;
    }
}

/// <summary><c>call</c>: a call whose <c>caller()</c> writes the body.</summary>
internal sealed class CallBlock(Call call, MacroBody body) : Statement
{
    public override Flow Execute(Scope scope)
    {
        scope.Rendering.Write(TemplateText.Of(call.Invoke(scope, body.In(scope)), scope.Rendering.Work));
        return Flow.Next;
    }
}
