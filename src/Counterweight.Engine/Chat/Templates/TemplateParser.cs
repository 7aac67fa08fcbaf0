using Counterweight.Engine.Chat.Templates.Expressions;
using Counterweight.Engine.Chat.Templates.Statements;

namespace Counterweight.Engine.Chat.Templates;

/// <summary>Parses the statements of a template.</summary>
internal sealed class TemplateParser
{
    private readonly TokenStream _tokens;
    private readonly ExpressionParser _expressions;
    private int _loops;

    private TemplateParser(string source)
    {
        _tokens = new TokenStream(TemplateLexer.Read(source));
        _expressions = new ExpressionParser(_tokens);
    }

    /// <summary>The whole template.</summary>
    /// <param name="source">Lines end with \n.</param>
    public static Body Parse(string source) => new TemplateParser(source).ParseBody();

    /// <summary>Statements up to the end of the template, or up to one of these tags, which is then the current token.</summary>
    private Body ParseBody(params ReadOnlySpan<string> ends)
    {
        var statements = new List<Statement>();
        while (!_tokens.At(TokenKind.End))
        {
            var token = _tokens.Take();
            if (token.Kind == TokenKind.Data)
                statements.Add(new Text(token.Text));
            else if (token.Kind == TokenKind.VariableBegin)
            {
                statements.Add(new Print(_expressions.ParseTuple()));
                _tokens.Expect(TokenKind.VariableEnd, "'}}'");
            }
            else if (_tokens.At(TokenKind.Name) && ends.Contains(_tokens.Current.Text))
                return new Body(statements);
            else
                statements.Add(ParseStatement());
        }
        return ends.IsEmpty ? new Body(statements) : throw _tokens.Unexpected($"{{% {string.Join(" %} or {% ", ends.ToArray())} %}}");
    }

    private Statement ParseStatement()
    {
        var tag = _tokens.Expect(TokenKind.Name, "the name of a tag");
        switch (tag.Text)
        {
            case "if": return ParseIf();
            case "for": return ParseFor();
            case "set": return ParseSet();
            case "macro": return ParseMacro();
            case "call": return ParseCall();
            case "filter": return ParseFilter();
            case "with": return ParseWith();
            // Marks what an assistant says, for training.
            case "generation": return new Block([], ParseInner("endgeneration"));
            case "break" or "continue" when _loops > 0:
                EndTag();
                return new Jump(tag.Text == "break" ? Flow.Break : Flow.Continue);
            default:
                throw new TemplateFault($"the tag {tag.Text}", _loops == 0 && tag.Text is "break" or "continue" ? "it inside a loop" : "a tag that chat templates may use", tag.Position);
        }
    }

    private void EndTag() => _tokens.Expect(TokenKind.BlockEnd, "'%}'");

    /// <summary>The rest of a tag, the statements behind it and the tag that ends them.</summary>
    private Body ParseInner(string end)
    {
        EndTag();
        var body = ParseBody(end);
        _tokens.Take();
        EndTag();
        return body;
    }

    private If ParseIf()
    {
        var branches = new List<(Expression, Body)>();
        Body? otherwise = null;
        do
        {
            var condition = _expressions.ParseTuple(takesConditional: false);
            EndTag();
            branches.Add((condition, ParseBody("elif", "else", "endif")));
        }
        while (_tokens.SkipName("elif"));
        if (_tokens.SkipName("else"))
        {
            EndTag();
            otherwise = ParseBody("endif");
        }
        _tokens.ExpectName("endif");
        EndTag();
        return new If(branches, otherwise);
    }

    private For ParseFor()
    {
        var target = ParseTargets();
        _tokens.ExpectName("in");
        var items = _expressions.ParseTuple(takesConditional: false);
        var condition = _tokens.SkipName("if") ? _expressions.Parse() : null;
        if (_tokens.AtName("recursive"))
            throw _tokens.Unexpected("a loop that isn't recursive");
        EndTag();
        _loops++;
        var body = ParseBody("else", "endfor");
        _loops--;
        Body? otherwise = null;
        if (_tokens.SkipName("else"))
        {
            EndTag();
            otherwise = ParseBody("endfor");
        }
        _tokens.ExpectName("endfor");
        EndTag();
        return new For(target, items, condition, body, otherwise);
    }

    private Statement ParseSet()
    {
        var target = ParseTargets(mayBeNamespace: true);
        if (_tokens.SkipOperator("="))
        {
            var value = _expressions.ParseTuple();
            EndTag();
            return new Set(target, value);
        }
        var filter = _expressions.ParseOpenFilters(startsInline: false);
        return new SetBlock(target, filter, ParseInner("endset"));
    }

    private Macro ParseMacro()
    {
        var name = _tokens.Expect(TokenKind.Name, "the name of a macro").Text;
        var parameters = ParseParameters();
        return new Macro(name, new MacroBody(name, parameters, ParseDetached("endmacro")));
    }

    private CallBlock ParseCall()
    {
        var parameters = _tokens.AtOperator("(") ? ParseParameters() : [];
        var position = _tokens.Current.Position;
        if (_expressions.Parse() is not Call call)
            throw new TemplateFault("no call", "a call of a macro", position);
        return new CallBlock(call, new MacroBody("caller", parameters, ParseDetached("endcall")));
    }

    /// <summary>A body that no loop around it can be left from.</summary>
    private Body ParseDetached(string end)
    {
        var loops = _loops;
        _loops = 0;
        var body = ParseInner(end);
        _loops = loops;
        return body;
    }

    private FilterBlock ParseFilter()
    {
        var filter = _expressions.ParseOpenFilters(startsInline: true)!;
        return new FilterBlock(filter, ParseDetached("endfilter"));
    }

    private Block ParseWith()
    {
        var assignments = new List<(Target, Expression)>();
        while (!_tokens.At(TokenKind.BlockEnd))
        {
            var target = ParseTarget();
            _tokens.ExpectOperator("=");
            assignments.Add((target, _expressions.Parse()));
            if (!_tokens.SkipOperator(","))
                break;
        }
        return new Block(assignments, ParseInner("endwith"));
    }

    private List<(string, Expression?)> ParseParameters()
    {
        var parameters = new List<(string, Expression?)>();
        _tokens.ExpectOperator("(");
        while (!_tokens.AtOperator(")"))
        {
            var name = _tokens.Expect(TokenKind.Name, "the name of a parameter").Text;
            parameters.Add((name, _tokens.SkipOperator("=") ? _expressions.Parse() : null));
            if (!_tokens.SkipOperator(","))
                break;
        }
        _tokens.ExpectOperator(")");
        return parameters;
    }

    private Target ParseTargets(bool mayBeNamespace = false)
    {
        var position = _tokens.Current.Position;
        var first = ParseTarget(mayBeNamespace);
        if (!_tokens.AtOperator(","))
            return first;
        var targets = new List<Target> { first };
        while (_tokens.SkipOperator(",") && (_tokens.At(TokenKind.Name) || _tokens.AtOperator("(")) && !_tokens.AtName("in"))
            targets.Add(ParseTarget());
        return new TupleTarget(targets, position);
    }

    private Target ParseTarget(bool mayBeNamespace = false)
    {
        if (_tokens.SkipOperator("("))
        {
            var inner = ParseTargets();
            _tokens.ExpectOperator(")");
            return inner;
        }
        var name = _tokens.Expect(TokenKind.Name, "a name to assign to");
        return mayBeNamespace && _tokens.SkipOperator(".")
            ? new NamespaceTarget(name.Text, _tokens.Expect(TokenKind.Name, "the name of an attribute").Text, name.Position)
            : new NameTarget(name.Text);
    }
}
