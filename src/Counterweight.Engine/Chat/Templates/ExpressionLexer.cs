using System.Globalization;
using System.Text;

namespace Counterweight.Engine.Chat.Templates;

/// <summary>Cuts the inside of a tag into tokens.</summary>
internal ref struct ExpressionLexer(string source, int start, List<TemplateToken> tokens)
{
    private static readonly string[] Operators =
        ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    private readonly Stack<char> _open = [];

    /// <summary>Offset of the next character.</summary>
    public int At { get; private set; } = start;

    /// <summary>Whether no bracket is open: only then can the tag end.</summary>
    public readonly bool IsBalanced => _open.Count == 0;

    public void SkipWhitespace()
    {
        while (At < source.Length && Whitespace.Is(source[At]))
            At++;
    }

    /// <summary>Reads one token; there is one.</summary>
    public void ReadToken()
    {
        var c = source[At];
        if (char.IsAsciiDigit(c))
            ReadNumber();
        else if (c is '\'' or '"')
            ReadString(c);
        else if (c == '_' || char.IsLetter(c))
            Take(TokenKind.Name, LengthWhile(static c => c == '_' || char.IsLetterOrDigit(c)));
        else
            ReadOperator();
    }

    private readonly int LengthWhile(Func<char, bool> belongs)
    {
        var end = At;
        while (end < source.Length && belongs(source[end]))
            end++;
        return end - At;
    }

    private void Take(TokenKind kind, int length)
    {
        tokens.Add(new TemplateToken(kind, source.Substring(At, length), At));
        At += length;
    }

    private void ReadNumber()
    {
        var length = LengthWhile(static c => char.IsAsciiDigit(c) || c == '_');
        // Behind a dot digits are an index: a.0.1
        if (At > 0 && source[At - 1] == '.')
        {
            Take(TokenKind.Integer, length);
            return;
        }
        var end = At + length;
        if (end + 1 < source.Length && source[end] == '.' && char.IsAsciiDigit(source[end + 1]))
            end = EndOfDigits(end + 1);
        if (end < source.Length && source[end] is 'e' or 'E')
        {
            var exponent = end + 1 < source.Length && source[end + 1] is '+' or '-' ? end + 2 : end + 1;
            if (exponent < source.Length && char.IsAsciiDigit(source[exponent]))
                end = EndOfDigits(exponent);
        }
        Take(end == At + length ? TokenKind.Integer : TokenKind.Float, end - At);
    }

    private readonly int EndOfDigits(int at)
    {
        while (at < source.Length && (char.IsAsciiDigit(source[at]) || source[at] == '_'))
            at++;
        return at;
    }

    private void ReadString(char quote)
    {
        var (begin, text) = (At, new StringBuilder());
        for (At++; At < source.Length && source[At] != quote;)
            if (source[At] == '\\' && At + 1 < source.Length)
                ReadEscape(text);
            else
                text.Append(source[At++]);
        if (At >= source.Length)
            throw new TemplateFault("a string without an end", $"{quote}", begin);
        At++;
        tokens.Add(new TemplateToken(TokenKind.String, text.ToString(), begin));
    }

    /// <summary>One escape, as Python reads it: unknown ones stay with their backslash.</summary>
    private void ReadEscape(StringBuilder text)
    {
        var c = source[At + 1];
        At += 2;
        var simple = "\n\n\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v".AsSpan();
        for (var i = 0; i < simple.Length; i += 2)
            if (simple[i] == c)
            {
                if (c != '\n')
                    text.Append(simple[i + 1]);
                return;
            }
        var digits = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0)
            ReadCode(text, digits);
        else if (c is >= '0' and <= '7')
            ReadOctal(text, c - '0');
        else
            text.Append('\\').Append(c);
    }

    private void ReadCode(StringBuilder text, int digits)
    {
        if (At + digits > source.Length || !uint.TryParse(source.AsSpan(At, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
            || (digits == 8 && !Rune.IsValid(code)))
            throw new TemplateFault("an escape without a code", $"{digits} hexadecimal digits of a character", At - 2);
        At += digits;
        if (digits == 8)
            text.Append(new Rune(code).ToString());
        else
            text.Append((char)code);
    }

    private void ReadOctal(StringBuilder text, int code)
    {
        for (var i = 0; i < 2 && At < source.Length && source[At] is >= '0' and <= '7'; i++)
            code = code * 8 + source[At++] - '0';
        text.Append((char)code);
    }

    private void ReadOperator()
    {
        var rest = source.AsSpan(At);
        foreach (var candidate in Operators)
            if (rest.StartsWith(candidate))
            {
                Balance(candidate[0]);
                Take(TokenKind.Operator, candidate.Length);
                return;
            }
        throw new TemplateFault($"the character {Checkpoints.InputText.Quoted(source[At].ToString())}", "an expression", At);
    }

    private readonly void Balance(char c)
    {
        var closer = c switch { '(' => ')', '[' => ']', '{' => '}', _ => '\0' };
        if (closer != '\0')
            _open.Push(closer);
        else if (c is ')' or ']' or '}' && (!_open.TryPop(out var expected) || expected != c))
            throw new TemplateFault($"'{c}'", expected == '\0' ? "no closing bracket here" : $"'{expected}'", At);
    }
}
