namespace Counterweight.Engine.Chat.Templates;

/// <summary>
/// Cuts a template into tokens, with whitespace as Jinja2 3.1 treats it where <c>trim_blocks</c> and <c>lstrip_blocks</c> are on, as
/// transformers sets them: a newline behind a block or comment goes, and so do blanks between the start of a line and one.
/// </summary>
internal ref struct TemplateLexer
{
    private readonly string _source;
    private readonly List<TemplateToken> _tokens = [];
    private int _at;
    private bool _atLineStart = true;

    private TemplateLexer(string source) => _source = source;

    /// <summary>All tokens, an <see cref="TokenKind.End"/> last.</summary>
    /// <param name="source">Lines end with \n.</param>
    public static List<TemplateToken> Read(string source)
    {
        var lexer = new TemplateLexer(source);
        while (lexer._at < source.Length)
            lexer.ReadNext();
        lexer.Add(TokenKind.End, "", source.Length);
        return lexer._tokens;
    }

    private void ReadNext()
    {
        var tag = NextTag(_at);
        if (tag < 0)
        {
            Add(TokenKind.Data, _source[_at..], _at);
            _at = _source.Length;
            return;
        }
        var kind = _source[tag + 1];
        AddData(tag, isVariable: kind == '{');
        _at = AfterBegin(tag);
        if (kind == '#')
            SkipComment(tag);
        else if (kind == '%' && RawBegin() is var end && end >= 0)
            ReadRaw(tag, end);
        else
            ReadTag(tag, kind);
    }

    private readonly int NextTag(int from)
    {
        for (var at = from; (at = _source.IndexOf('{', at)) >= 0 && at + 1 < _source.Length; at++)
            if (_source[at + 1] is '{' or '%' or '#')
                return at;
        return -1;
    }

    private readonly char SignAt(int at) => at < _source.Length && _source[at] is '-' or '+' ? _source[at] : ' ';

    private readonly int AfterBegin(int tag) => tag + (SignAt(tag + 2) == ' ' ? 2 : 3);

    /// <summary>Adds the text in front of a tag, less the whitespace that the tag takes away.</summary>
    private void AddData(int tag, bool isVariable)
    {
        var data = _source.AsSpan(_at, tag - _at);
        var sign = SignAt(tag + 2);
        if (sign == '-')
            data = Whitespace.TrimEnd(data);
        else if (sign == ' ' && !isVariable)
        {
            var line = data.LastIndexOf('\n') + 1;
            if ((line > 0 || _atLineStart) && Whitespace.TrimEnd(data[line..]).IsEmpty)
                data = data[..line];
        }
        if (!data.IsEmpty)
            Add(TokenKind.Data, data.ToString(), _at);
    }

    private void SkipComment(int tag)
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
            throw new TemplateFault("a comment without an end", "#}", tag);
        FinishTag(end, end > _at ? SignAt(end - 1) : ' ', trimsNewline: true);
    }

    /// <summary>Goes behind the two characters of a tag's end and the whitespace that it takes away.</summary>
    private void FinishTag(int end, char sign, bool trimsNewline)
    {
        _at = end + 2;
        if (sign == '-')
            while (_at < _source.Length && Whitespace.Is(_source[_at]))
                _at++;
        else if (sign == ' ' && trimsNewline && _at < _source.Length && _source[_at] == '\n')
            _at++;
        _atLineStart = _source[_at - 1] == '\n';
    }

    /// <summary>The offset of the end of a <c>raw</c> tag whose inside starts here; -1 where it is another tag.</summary>
    private readonly int RawBegin() => EndOfWord("raw", _at);

    private readonly int EndOfWord(string word, int at)
    {
        while (at < _source.Length && Whitespace.Is(_source[at]))
            at++;
        if (!_source.AsSpan(at).StartsWith(word))
            return -1;
        at += word.Length;
        while (at < _source.Length && Whitespace.Is(_source[at]))
            at++;
        if (SignAt(at) != ' ')
            at++;
        return _source.AsSpan(at).StartsWith("%}") ? at : -1;
    }

    private void ReadRaw(int tag, int beginEnd)
    {
        FinishTag(beginEnd, SignAt(beginEnd - 1), trimsNewline: false);
        for (var end = _at; (end = _source.IndexOf("{%", end, StringComparison.Ordinal)) >= 0; end += 2)
            if (EndOfWord("endraw", AfterBegin(end)) is >= 0 and var close)
            {
                AddData(end, isVariable: false);
                FinishTag(close, SignAt(close - 1), trimsNewline: true);
                return;
            }
        throw new TemplateFault("raw without an end", "{% endraw %}", tag);
    }

    private void ReadTag(int tag, char kind)
    {
        var isBlock = kind == '%';
        var closer = isBlock ? "%}" : "}}";
        Add(isBlock ? TokenKind.BlockBegin : TokenKind.VariableBegin, "", tag);
        var expression = new ExpressionLexer(_source, _at, _tokens);
        while (true)
        {
            expression.SkipWhitespace();
            var (at, sign) = (expression.At, SignAt(expression.At));
            var end = sign == ' ' || (sign == '+' && !isBlock) ? at : at + 1;
            if (expression.IsBalanced && _source.AsSpan(end).StartsWith(closer))
            {
                Add(isBlock ? TokenKind.BlockEnd : TokenKind.VariableEnd, "", at);
                FinishTag(end, end > at ? sign : ' ', trimsNewline: isBlock);
                return;
            }
            if (at >= _source.Length)
                throw new TemplateFault("a tag without an end", closer, tag);
            expression.ReadToken();
        }
    }

    private readonly void Add(TokenKind kind, string text, int position) => _tokens.Add(new TemplateToken(kind, text, position));
}
