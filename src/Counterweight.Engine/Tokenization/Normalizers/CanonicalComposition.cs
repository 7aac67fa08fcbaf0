using System.Text;

namespace Counterweight.Engine.Tokenization.Normalizers;

/// <summary>
/// Unicode normalization form C (UAX #15). <see cref="string.Normalize()"/> leaves text as it is where the runtime works without
/// ICU (<c>InvariantGlobalization</c>), so the tables are part of the assembly.
/// </summary>
internal sealed class CanonicalComposition : Normalizer
{
    private const char FirstThatMayChange = '\u0300';

    public override string Normalize(string text)
    {
        var change = NextChange(text, 0);
        if (change < 0)
            return text;
        var composed = new StringBuilder(text.Length);
        var done = 0;
        for (; change >= 0; change = NextChange(text, done))
        {
            // The character before may compose with what follows; the one before that is out of reach.
            var start = change == done ? change : change - (char.IsLowSurrogate(text[change - 1]) ? 2 : 1);
            composed.Append(text, done, start - done);
            done = EndOfChange(text, change);
            AppendComposed(text.AsSpan(start, done - start), composed);
        }
        return composed.Append(text, done, text.Length - done).ToString();
    }

    private static int NextChange(string text, int start)
    {
        for (var i = start; ; i += RuneAt(text, i).Utf16SequenceLength)
        {
            var skipped = text.AsSpan(i).IndexOfAnyInRange(FirstThatMayChange, char.MaxValue);
            if (skipped < 0)
                return -1;
            i += skipped;
            if (CanonicalMappings.MayChange(RuneAt(text, i).Value))
                return i;
        }
    }

    private static int EndOfChange(string text, int i)
    {
        while (i < text.Length && RuneAt(text, i) is var rune && CanonicalMappings.MayChange(rune.Value))
            i += rune.Utf16SequenceLength;
        return i;
    }

    private static Rune RuneAt(string text, int i) =>
        char.IsHighSurrogate(text[i]) ? new Rune(text[i], text[i + 1]) : new Rune(text[i]);

    private static void AppendComposed(ReadOnlySpan<char> text, StringBuilder composed)
    {
        var runes = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, runes);
        SortMarks(runes);
        Compose(runes);
        foreach (var rune in runes)
            composed.Append(new Rune(rune).ToString());
    }

    private static void Decompose(int rune, List<int> output)
    {
        if (Hangul.IsSyllable(rune))
            Hangul.Decompose(rune, output);
        else if (rune >= 0xC0 && CanonicalMappings.TryDecompose(rune, out var first, out var second))
        {
            Decompose(first, output);
            if (second != 0)
                Decompose(second, output);
        }
        else
            output.Add(rune);
    }

    /// <summary>Brings each run of combining marks into the order of their classes; equal classes keep their order.</summary>
    private static void SortMarks(List<int> runes)
    {
        for (var start = 0; start < runes.Count; start++)
        {
            var end = start;
            while (end < runes.Count && CanonicalMappings.ClassOf(runes[end]) != 0)
                end++;
            if (end - start > 1)
            {
                var marks = runes.GetRange(start, end - start).OrderBy(CanonicalMappings.ClassOf).ToArray();
                for (var i = 0; i < marks.Length; i++)
                    runes[start + i] = marks[i];
            }
            start = end;
        }
    }

    private static void Compose(List<int> runes)
    {
        var starter = -1;
        var kept = 0;
        var lastClass = 0;
        foreach (var rune in runes.ToArray())
        {
            var markClass = CanonicalMappings.ClassOf(rune);
            var isBlocked = starter != kept - 1 && lastClass >= markClass;
            if (starter >= 0 && !isBlocked && TryCompose(runes[starter], rune, out var composed))
            {
                runes[starter] = composed;
                continue;
            }
            if (markClass == 0)
                starter = kept;
            lastClass = markClass;
            runes[kept++] = rune;
        }
        runes.RemoveRange(kept, runes.Count - kept);
    }

    private static bool TryCompose(int first, int second, out int composed) =>
        Hangul.TryCompose(first, second, out composed) || CanonicalMappings.TryCompose(first, second, out composed);
}
