using System.Runtime.CompilerServices;

namespace Counterweight.Engine.Chat.Templates;

/// <summary>Goes through the tokens of a template.</summary>
internal sealed class TokenStream(List<TemplateToken> tokens)
{
    private int _at;

    public TemplateToken Current => tokens[_at];

    public TemplateToken Ahead => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public TemplateToken Take()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var token = tokens[_at];
        if (_at < tokens.Count - 1)
            _at++;
        return token;
    }

    public bool At(TokenKind kind) => Current.Kind == kind;

    public bool AtOperator(string op) => Current.Is(TokenKind.Operator, op);

    public bool AtName(string name) => Current.Is(TokenKind.Name, name);

    public bool SkipOperator(string op) => AtOperator(op) && Take().Text == op;

    public bool SkipName(string name) => AtName(name) && Take().Text == name;

    public TemplateToken Expect(TokenKind kind, string expected) => At(kind) ? Take() : throw Unexpected(expected);

    public void ExpectOperator(string op)
    {
        if (!SkipOperator(op))
            throw Unexpected($"'{op}'");
    }

    public void ExpectName(string name)
    {
        if (!SkipName(name))
            throw Unexpected($"'{name}'");
    }

    /// <summary>The complaint that something else should stand here.</summary>
    public TemplateFault Unexpected(string expected) => new(Current.Described, expected, Current.Position);
}
