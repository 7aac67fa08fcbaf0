namespace Counterweight.Engine.Tokenization.Normalizers;

/// <summary>Korean syllables, which compose by arithmetic (Unicode Standard, section 3.12).</summary>
internal static class Hangul
{
    private const int FirstSyllable = 0xAC00;
    private const int FirstLeading = 0x1100;
    private const int FirstVowel = 0x1161;
    private const int TrailingBase = 0x11A7;
    private const int LeadingCount = 19;
    private const int VowelCount = 21;
    private const int TrailingCount = 28;
    private const int SyllableCount = LeadingCount * VowelCount * TrailingCount;

    public static bool IsSyllable(int rune) => rune is >= FirstSyllable and < FirstSyllable + SyllableCount;

    /// <summary>Whether the letter may join the character before it.</summary>
    public static bool MayJoin(int rune) =>
        rune is >= FirstVowel and < FirstVowel + VowelCount or > TrailingBase and < TrailingBase + TrailingCount;

    public static void Decompose(int syllable, List<int> output)
    {
        var index = syllable - FirstSyllable;
        output.Add(FirstLeading + index / (VowelCount * TrailingCount));
        output.Add(FirstVowel + index / TrailingCount % VowelCount);
        if (index % TrailingCount > 0)
            output.Add(TrailingBase + index % TrailingCount);
    }

    public static bool TryCompose(int first, int second, out int composed)
    {
        var isLeadingAndVowel = first is >= FirstLeading and < FirstLeading + LeadingCount
            && second is >= FirstVowel and < FirstVowel + VowelCount;
        var isOpenAndTrailing = IsSyllable(first) && (first - FirstSyllable) % TrailingCount == 0
            && second is > TrailingBase and < TrailingBase + TrailingCount;
        composed = isLeadingAndVowel
            ? FirstSyllable + ((first - FirstLeading) * VowelCount + second - FirstVowel) * TrailingCount
            : first + second - TrailingBase;
        return isLeadingAndVowel || isOpenAndTrailing;
    }
}
