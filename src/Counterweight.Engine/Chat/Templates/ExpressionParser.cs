using System.Globalization;
using Counterweight.Engine.Chat.Templates.Expressions;

namespace Counterweight.Engine.Chat.Templates;

/// <summary>Parses expressions with Jinja's precedence: if, or, and, not, comparisons, + and -, ~, * / // %, **, signs, filters and tests.</summary>
internal sealed class ExpressionParser(TokenStream tokens)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>One expression.</summary>
    /// <param name="takesConditional">Whether an inline <c>if</c> belongs to it.</param>
    public Expression Parse(bool takesConditional = true)
    {
        var expression = Or();
        while (takesConditional && tokens.AtName("if"))
        {
            var position = tokens.Take().Position;
            var condition = Or();
            expression = new Conditional(condition, expression, tokens.SkipName("else") ? Parse() : null, position);
        }
        return expression;
    }

    /// <summary>One expression, or a tuple of several without brackets around.</summary>
    public Expression ParseTuple(bool takesConditional = true, bool mayBeEmpty = false)
    {
        var position = tokens.Current.Position;
        var items = new List<Expression>();
        var isTuple = false;
        while (!AtTupleEnd())
        {
            items.Add(Parse(takesConditional));
            if (!tokens.SkipOperator(","))
                break;
            isTuple = true;
        }
        if (isTuple || (items.Count == 0 && mayBeEmpty))
            return new ListExpression(items, isTuple: true, position);
        return items.Count == 1 ? items[0] : throw tokens.Unexpected("an expression");
    }

    /// <summary>Filters without a value in front, <c>name(…) | name</c>; null where none is here.</summary>
    public FilterCall? ParseOpenFilters(bool startsInline)
    {
        FilterCall? filter = null;
        while (startsInline || tokens.SkipOperator("|"))
        {
            filter = Filter(filter);
            startsInline = false;
        }
        return filter;
    }

    /// <summary>The arguments of a call.</summary>
    public ArgumentList ParseArguments()
    {
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        Expression? unpacked = null, unpackedNamed = null;
        tokens.ExpectOperator("(");
        while (!tokens.AtOperator(")"))
        {
            if (tokens.SkipOperator("*"))
                unpacked = Parse();
            else if (tokens.SkipOperator("**"))
                unpackedNamed = Parse();
            else if (tokens.At(TokenKind.Name) && tokens.Ahead.Is(TokenKind.Operator, "="))
                named.Add((TakeKeyword(), Parse()));
            else if (named.Count > 0 || unpackedNamed is not null)
                throw tokens.Unexpected("an argument by name behind others by name");
            else
                positional.Add(Parse());
            if (!tokens.SkipOperator(","))
                break;
        }
        tokens.ExpectOperator(")");
        return new ArgumentList(positional, named, unpacked, unpackedNamed);
    }

    private bool AtTupleEnd() => tokens.Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd or TokenKind.End || tokens.AtOperator(")");

    private string TakeKeyword()
    {
        var name = tokens.Take().Text;
        tokens.Take();
        return name;
    }

    private Expression Or()
    {
        var left = And();
        while (tokens.AtName("or"))
            left = new Logical(isAnd: false, left, Right(And, out var position), position);
        return left;
    }

    private Expression And()
    {
        var left = Not();
        while (tokens.AtName("and"))
            left = new Logical(isAnd: true, left, Right(Not, out var position), position);
        return left;
    }

    /// <summary>Takes the operator and parses what is behind it.</summary>
    private Expression Right(Func<Expression> parse, out int position)
    {
        position = tokens.Take().Position;
        return parse();
    }

    private Expression Not() => tokens.AtName("not") ? new Negation(Right(Not, out var position), position) : Comparison();

    private Expression Comparison()
    {
        var position = tokens.Current.Position;
        var first = Sum();
        var rest = new List<(string, Expression)>();
        while (TakeComparison() is { } op)
            rest.Add((op, Sum()));
        return rest.Count == 0 ? first : new Comparison(first, rest, position);
    }

    private string? TakeComparison()
    {
        if (tokens.At(TokenKind.Operator) && Comparisons.Contains(tokens.Current.Text))
            return tokens.Take().Text;
        if (tokens.SkipName("in"))
            return "in";
        if (!tokens.AtName("not") || !tokens.Ahead.Is(TokenKind.Name, "in"))
            return null;
        tokens.Take();
        tokens.Take();
        return "not in";
    }

    private Expression Sum() => LeftToRight(Concatenated, "+", "-");

    private Expression Concatenated()
    {
        var position = tokens.Current.Position;
        var parts = new List<Expression> { Product() };
        while (tokens.SkipOperator("~"))
            parts.Add(Product());
        return parts.Count == 1 ? parts[0] : new Concatenation(parts, position);
    }

    private Expression Product() => LeftToRight(Power, "*", "/", "//", "%");

    private Expression Power() => LeftToRight(() => Unary(), "**");

    private Expression LeftToRight(Func<Expression> parse, params string[] operators)
    {
        var left = parse();
        while (tokens.At(TokenKind.Operator) && operators.Contains(tokens.Current.Text))
        {
            var op = tokens.Take();
            left = new Arithmetic(op.Text, left, parse(), op.Position);
        }
        return left;
    }

    private Expression Unary(bool takesFilters = true)
    {
        var expression = tokens.AtOperator("-") || tokens.AtOperator("+")
            ? Signed(tokens.Take())
            : Primary();
        expression = Postfix(expression);
        return takesFilters ? FiltersAndTests(expression) : expression;
    }

    private Sign Signed(TemplateToken sign) => new(sign.Text, Unary(takesFilters: false), sign.Position);

    /// <summary>A literal, a name, or something in brackets.</summary>
    public Expression Primary()
    {
        var token = tokens.Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                tokens.Take();
                return token.Text switch
                {
                    "true" or "True" => new Literal(true, token.Position),
                    "false" or "False" => new Literal(false, token.Position),
                    "none" or "None" => new Literal(null, token.Position),
                    _ => new NameExpression(token.Text, token.Position),
                };
            case TokenKind.String:
                var text = "";
                while (tokens.At(TokenKind.String))
                    text += tokens.Take().Text;
                return new Literal(text, token.Position);
            case TokenKind.Integer or TokenKind.Float:
                return new Literal(Number(tokens.Take()), token.Position);
            case TokenKind.Operator when token.Text is "(" or "[" or "{":
                tokens.Take();
                return Bracketed(token);
            default:
                throw tokens.Unexpected("an expression");
        }
    }

    private static object Number(TemplateToken token)
    {
        var digits = token.Text.Replace("_", "", StringComparison.Ordinal);
        if (token.Kind == TokenKind.Float)
            return double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture);
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new TemplateFault(token.Described, "an integer of 64 bits", token.Position);
    }

    private Expression Bracketed(TemplateToken open)
    {
        if (open.Text == "(")
        {
            var inner = ParseTuple(mayBeEmpty: true);
            tokens.ExpectOperator(")");
            return inner;
        }
        return open.Text == "[" ? List(open.Position) : Map(open.Position);
    }

    private ListExpression List(int position)
    {
        var items = new List<Expression>();
        while (!tokens.AtOperator("]"))
        {
            items.Add(Parse());
            if (!tokens.SkipOperator(","))
                break;
        }
        tokens.ExpectOperator("]");
        return new ListExpression(items, isTuple: false, position);
    }

    private MapExpression Map(int position)
    {
        var entries = new List<(Expression, Expression)>();
        while (!tokens.AtOperator("}"))
        {
            var key = Parse();
            tokens.ExpectOperator(":");
            entries.Add((key, Parse()));
            if (!tokens.SkipOperator(","))
                break;
        }
        tokens.ExpectOperator("}");
        return new MapExpression(entries, position);
    }

    private Expression Postfix(Expression expression)
    {
        while (true)
        {
            var position = tokens.Current.Position;
            if (tokens.SkipOperator("."))
                expression = Member(expression, position);
            else if (tokens.SkipOperator("["))
                expression = Subscript(expression, position);
            else if (tokens.AtOperator("("))
                expression = new Call(expression, ParseArguments(), position);
            else
                return expression;
        }
    }

    private Expression Member(Expression expression, int position)
    {
        if (tokens.At(TokenKind.Integer))
            return new ItemAccess(expression, new Literal(Number(tokens.Take()), position), position);
        return new AttributeAccess(expression, tokens.Expect(TokenKind.Name, "a name").Text, position);
    }

    private Expression Subscript(Expression expression, int position)
    {
        var start = tokens.AtOperator(":") ? null : ParseTuple();
        if (!tokens.SkipOperator(":"))
        {
            tokens.ExpectOperator("]");
            return new ItemAccess(expression, start!, position);
        }
        var stop = tokens.AtOperator(":") || tokens.AtOperator("]") ? null : Parse();
        var step = tokens.SkipOperator(":") && !tokens.AtOperator("]") ? Parse() : null;
        tokens.ExpectOperator("]");
        return new SliceAccess(expression, start, stop, step, position);
    }

    private Expression FiltersAndTests(Expression expression)
    {
        while (true)
            if (tokens.SkipOperator("|"))
                expression = Filter(expression);
            else if (tokens.AtName("is"))
                expression = Test(expression);
            else if (tokens.AtOperator("("))
                expression = new Call(expression, ParseArguments(), tokens.Current.Position);
            else
                return expression;
    }

    private FilterCall Filter(Expression? value)
    {
        var name = tokens.Expect(TokenKind.Name, "the name of a filter");
        return new FilterCall(value, name.Text, tokens.AtOperator("(") ? ParseArguments() : ArgumentList.Empty, name.Position);
    }

    private Expression Test(Expression value)
    {
        var position = tokens.Take().Position;
        var isNegated = tokens.SkipName("not");
        var name = tokens.Expect(TokenKind.Name, "the name of a test");
        Expression test = new TestCall(value, name.Text, TestArguments(), name.Position);
        return isNegated ? new Negation(test, position) : test;
    }

    private ArgumentList TestArguments()
    {
        if (tokens.AtOperator("("))
            return ParseArguments();
        var startsArgument = tokens.Current.Kind is TokenKind.String or TokenKind.Integer or TokenKind.Float || tokens.AtOperator("[") || tokens.AtOperator("{")
            || (tokens.At(TokenKind.Name) && tokens.Current.Text is not ("else" or "or" or "and" or "if" or "is" or "in" or "not"));
        return startsArgument ? new ArgumentList([Postfix(Primary())], []) : ArgumentList.Empty;
    }
}
