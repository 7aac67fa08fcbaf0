using Counterweight.Engine.Chat.Templates.Values;

namespace Counterweight.Engine.Chat.Templates.Expressions;

/// <summary><c>a if condition else b</c>; without else it gives what isn't there.</summary>
internal sealed class Conditional(Expression condition, Expression then, Expression? otherwise, int position) : Expression(position)
{
    protected override object? Compute(Scope scope) => Truth.Of(condition.Evaluate(scope)) ? then.Evaluate(scope)
        : otherwise is null ? new Undefined("an else") : otherwise.Evaluate(scope);
}

/// <summary><c>a and b</c>, <c>a or b</c>: the side that decides.</summary>
internal sealed class Logical(bool isAnd, Expression left, Expression right, int position) : Expression(position)
{
    protected override object? Compute(Scope scope)
    {
        var value = left.Evaluate(scope);
        return Truth.Of(value) == isAnd ? right.Evaluate(scope) : value;
    }
}

/// <summary><c>not a</c>.</summary>
internal sealed class Negation(Expression operand, int position) : Expression(position)
{
    protected override object Compute(Scope scope) => !Truth.Of(operand.Evaluate(scope));
}

/// <summary><c>-a</c> and <c>+a</c>.</summary>
internal sealed class Sign(string sign, Expression operand, int position) : Expression(position)
{
    protected override object Compute(Scope scope) =>
        Numbers.Apply(sign == "-" ? "*" : "+", operand.Evaluate(scope), sign == "-" ? -1L : 0L);
}

/// <summary><c>a &lt; b == c</c>: every neighbouring pair must hold.</summary>
internal sealed class Comparison(Expression first, IReadOnlyList<(string Operator, Expression Right)> rest, int position) : Expression(position)
{
    protected override object Compute(Scope scope)
    {
        var left = first.Evaluate(scope);
        foreach (var (op, expression) in rest)
        {
            var right = expression.Evaluate(scope);
            if (!Holds(op, left, right, scope.Rendering.Work))
                return false;
            left = right;
        }
        return true;
    }

    /// <summary>Whether a comparison holds.</summary>
    public static bool Holds(string op, object? left, object? right, WorkLimit work)
    {
        work.Charge(Math.Min(Weights.Of(left), Weights.Of(right)) / 8);
        return Decide(op, left, right, work);
    }

    private static bool Decide(string op, object? left, object? right, WorkLimit work) => op switch
    {
        "==" => Truth.AreEqual(left, right),
        "!=" => !Truth.AreEqual(left, right),
        "in" => Sequences.Contains(right, left, work),
        "not in" => !Sequences.Contains(right, left, work),
        "<" => Truth.Compare(left, right) < 0,
        "<=" => Truth.Compare(left, right) <= 0,
        ">" => Truth.Compare(left, right) > 0,
        _ => Truth.Compare(left, right) >= 0,
    };
}

/// <summary><c>a ~ b ~ c</c>: as text, one behind another.</summary>
internal sealed class Concatenation(IReadOnlyList<Expression> parts, int position) : Expression(position)
{
    protected override object Compute(Scope scope)
    {
        var texts = parts.Select(part => TemplateText.Of(part.Evaluate(scope), scope.Rendering.Work)).ToArray();
        return string.Concat(texts);
    }
}

/// <summary>Arithmetic, and what <c>+</c>, <c>*</c> and <c>%</c> do to strings and lists.</summary>
internal sealed class Arithmetic(string op, Expression left, Expression right, int position) : Expression(position)
{
    protected override object Compute(Scope scope)
    {
        var (a, b, work) = (left.Evaluate(scope), right.Evaluate(scope), scope.Rendering.Work);
        return (op, a, b) switch
        {
            ("+", string x, string y) => Joined(x, y, work),
            ("+", TemplateList x, TemplateList y) when x.IsTuple == y.IsTuple => Joined(x, y, work),
            ("*", string or TemplateList, long or bool) => Repeated(a, Numbers.ToInteger(b), work),
            ("*", long or bool, string or TemplateList) => Repeated(b, Numbers.ToInteger(a), work),
            ("%", string x, TemplateList { IsTuple: true } y) => StringFormat.Percent(x, y.Items, work),
            ("%", string x, _) => StringFormat.Percent(x, [b], work),
            _ => Numbers.Apply(op, a, b),
        };
    }

    private static string Joined(string a, string b, WorkLimit work)
    {
        work.Charge(a.Length + b.Length);
        return a + b;
    }

    private static TemplateList Joined(TemplateList a, TemplateList b, WorkLimit work)
    {
        work.Charge(a.Count + b.Count);
        return new TemplateList([.. a.Items, .. b.Items], a.IsTuple);
    }

    private static object Repeated(object value, long times, WorkLimit work)
    {
        times = Math.Clamp(times, 0, int.MaxValue);
        work.Charge(times * (value is string s ? s.Length : ((TemplateList)value).Count));
        return value is string text
            ? string.Concat(Enumerable.Repeat(text, text.Length == 0 ? 0 : (int)times))
            : new TemplateList([.. Enumerable.Repeat(((TemplateList)value).Items, ((TemplateList)value).Count == 0 ? 0 : (int)times).SelectMany(items => items)], ((TemplateList)value).IsTuple);
    }
}
