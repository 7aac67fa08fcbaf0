namespace Counterweight.Engine.Tokenization.PreTokenizers;

/// <summary>Which pieces get a space in front.</summary>
internal enum PrependScheme
{
    Never,
    First,
    Always,
}

/// <summary>Writes spaces as <paramref name="space"/> and puts one in front of a piece that doesn't start with one.</summary>
internal sealed class LeadingSpace(char space, PrependScheme scheme, PreTokenizer next) : PreTokenizer
{
    public override void Encode(ReadOnlySpan<char> piece, bool atTextStart, List<int> ids)
    {
        var text = new char[piece.Length + 1];
        text[0] = space;
        piece.Replace(text.AsSpan(1), ' ', space);
        var prepend = piece.Length > 0 && text[1] != space &&
            (scheme == PrependScheme.Always || (scheme == PrependScheme.First && atTextStart));
        next.Encode(text.AsSpan(prepend ? 0 : 1), atTextStart, ids);
    }
}
