using System.Globalization;

namespace Counterweight.Engine.Tokenization.Normalizers;

/// <summary>
/// Canonical decompositions and combining classes of the Unicode Character Database, from <c>CanonicalMappings.txt</c> beside
/// this file: <c>class FIRST..LAST NUMBER</c>, and <c>CHARACTER FIRST [SECOND] [!]</c> where ! keeps the pair from composing.
/// </summary>
internal static class CanonicalMappings
{
    private static readonly Dictionary<int, int> Classes = [];
    private static readonly Dictionary<int, (int First, int Second)> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly HashSet<int> Changing = [];

    static CanonicalMappings()
    {
        var type = typeof(CanonicalMappings);
        using var stream = type.Assembly.GetManifestResourceStream(type, "CanonicalMappings.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
            if (!line.StartsWith('#'))
                Add(line.Split(' '));
        Changing.UnionWith(Classes.Keys);
        Changing.UnionWith(Compositions.Keys.Select(pair => pair.Second));
        Changing.UnionWith(Decompositions.Keys.Except(Compositions.Values));
    }

    /// <summary>Whether a text with this character may differ from its composed form.</summary>
    public static bool MayChange(int rune) => Changing.Contains(rune) || Hangul.MayJoin(rune);

    /// <summary>The canonical combining class; 0 for a character that starts a new sequence.</summary>
    public static int ClassOf(int rune) => Classes.GetValueOrDefault(rune);

    /// <summary>One step of decomposition; the second character is 0 where there is only one.</summary>
    public static bool TryDecompose(int rune, out int first, out int second)
    {
        var isFound = Decompositions.TryGetValue(rune, out var pair);
        (first, second) = pair;
        return isFound;
    }

    public static bool TryCompose(int first, int second, out int composed) => Compositions.TryGetValue((first, second), out composed);

    private static void Add(string[] fields)
    {
        if (fields[0] == "class")
        {
            var range = fields[1].Split("..");
            for (var rune = Hex(range[0]); rune <= Hex(range[^1]); rune++)
                Classes[rune] = int.Parse(fields[2], CultureInfo.InvariantCulture);
            return;
        }
        var isExcluded = fields[^1] == "!";
        var pair = (First: Hex(fields[1]), Second: fields.Length > 2 && fields[2] != "!" ? Hex(fields[2]) : 0);
        Decompositions[Hex(fields[0])] = pair;
        if (!isExcluded)
            Compositions[pair] = Hex(fields[0]);
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
