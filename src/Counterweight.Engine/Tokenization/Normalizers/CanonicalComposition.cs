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
        if (IsComposed(text))
            return text;
        var runes = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, runes);
        SortMarks(runes);
        Compose(runes);
        var composed = new StringBuilder(text.Length);
        foreach (var rune in runes)
            composed.Append(new Rune(rune));
        return composed.ToString();
    }

    private static bool IsComposed(string text)
    {
        var first = text.AsSpan().IndexOfAnyInRange(FirstThatMayChange, char.MaxValue);
        if (first < 0)
            return true;
        foreach (var rune in text.AsSpan(first).EnumerateRunes())
            if (CanonicalMappings.MayChange(rune.Value))
                return false;
        return true;
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
