namespace Counterweight.Engine.Tokenization.Decoders;

/// <summary>Replaces one string by another in each token.</summary>
internal sealed class ReplaceDecoder(string pattern, string content, TokenSink next) : DecodingStep(next)
{
    public override void Add(string token) => Next.Add(token.Replace(pattern, content, StringComparison.Ordinal));
}

/// <summary>Writes the replacement character as a space; the first token loses it.</summary>
internal sealed class MetaspaceDecoder(char replacement, bool hasLeadingSpace, TokenSink next) : DecodingStep(next)
{
    private bool _isFirst = true;

    public override void Add(string token)
    {
        var isStripped = _isFirst && hasLeadingSpace;
        Next.Add(isStripped ? token.Replace($"{replacement}", "", StringComparison.Ordinal) : token.Replace(replacement, ' '));
        _isFirst = false;
    }
}

/// <summary>Takes up to so many characters off the start and the end of each token.</summary>
internal sealed class StripDecoder(char content, int start, int stop, TokenSink next) : DecodingStep(next)
{
    public override void Add(string token)
    {
        var from = 0;
        while (from < Math.Min(start, token.Length) && token[from] == content)
            from++;
        var to = token.Length;
        while (to > Math.Max(from, token.Length - stop) && token[to - 1] == content)
            to--;
        Next.Add(token[from..to]);
    }
}

/// <summary>Takes up to so many characters off the start of the whole text.</summary>
internal sealed class StripTextStart(char content, int start, TokenSink next) : DecodingStep(next)
{
    private int _left = start;

    public override void Add(string token)
    {
        var from = 0;
        while (from < Math.Min(_left, token.Length) && token[from] == content)
            from++;
        _left = from == token.Length ? _left - from : 0;
        Next.Add(token[from..]);
    }
}

/// <summary>Puts a separator between tokens.</summary>
internal sealed class JoinDecoder(string separator, TokenSink next) : DecodingStep(next)
{
    private bool _isFirst = true;

    public override void Add(string token)
    {
        Next.Add(_isFirst ? token : separator + token);
        _isFirst = false;
    }
}
