using System.Text.RegularExpressions;

namespace Counterweight.Engine.Tokenization.PreTokenizers;

/// <summary>What becomes of the text that a pattern matches.</summary>
internal enum SplitBehavior
{
    Isolated,
    Removed,
    Contiguous,
    MergedWithPrevious,
    MergedWithNext,
}

/// <summary>Cuts a piece where a pattern matches and where it doesn't.</summary>
/// <param name="pattern">is searched from the end of the last match on</param>
/// <param name="behavior">what becomes of the matches</param>
/// <param name="invert">what doesn't match counts as the match</param>
/// <param name="next">gets the parts</param>
internal sealed class PatternSplit(Regex pattern, SplitBehavior behavior, bool invert, PreTokenizer next) : PreTokenizer
{
    public override void Encode(ReadOnlySpan<char> piece, bool atTextStart, List<int> ids)
    {
        var parts = new PartJoiner(this, piece, atTextStart, ids);
        try
        {
            Split(piece, ref parts);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw BmpText.Endless(e);
        }
        parts.Append(piece.Length, isMatch: invert);
        parts.Flush();
    }

    private void Split(ReadOnlySpan<char> piece, ref PartJoiner parts)
    {
        using var text = new BmpText(piece);
        foreach (var match in pattern.EnumerateMatches(text.Units))
        {
            if (match.Length == 0)
                continue;
            parts.Append(text.ToOriginal(match.Index), isMatch: invert);
            parts.Append(text.ToOriginal(match.Index + match.Length), isMatch: !invert);
        }
    }

    private bool Joins(bool previousIsMatch, bool isMatch) => behavior switch
    {
        SplitBehavior.Contiguous => previousIsMatch == isMatch,
        SplitBehavior.MergedWithPrevious => isMatch && !previousIsMatch,
        SplitBehavior.MergedWithNext => previousIsMatch && !isMatch,
        _ => false,
    };

    /// <summary>Holds one part back until it is known whether the one after it joins it.</summary>
    private ref struct PartJoiner(PatternSplit split, ReadOnlySpan<char> piece, bool atTextStart, List<int> ids)
    {
        private readonly PatternSplit _split = split;
        private readonly ReadOnlySpan<char> _piece = piece;
        private int _start;
        private int _end;
        private bool _isMatch;

        public void Append(int end, bool isMatch)
        {
            if (end == _end)
                return;
            if (_end > _start && !_split.Joins(_isMatch, isMatch))
                Flush();
            (_end, _isMatch) = (end, isMatch);
        }

        public void Flush()
        {
            if (_end > _start && !(_isMatch && _split.Behavior == SplitBehavior.Removed))
                _split.Next.Encode(_piece[_start.._end], atTextStart && _start == 0, ids);
            _start = _end;
        }
    }

    private SplitBehavior Behavior => behavior;

    private PreTokenizer Next => next;
}
