using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Counterweight.Engine.Tokenization.Normalizers;

/// <summary>
/// SentencePiece's table of replacements: a double-array trie over UTF-8 bytes, whose values are places in a blob of strings that end with 0. What is looked
/// up is what Hugging Face tokenizers look up: whole grapheme clusters of less than six bytes, else each character, and of several keys that it starts
/// with the shortest.
/// </summary>
internal sealed class PrecompiledCharsmap : Normalizer
{
    private const int UnitBytes = sizeof(uint), LongestKey = 5, AsciiCount = 128;
    private const int NotFound = -1;

    private readonly uint[] _units;
    private readonly byte[] _strings;
    private readonly string?[] _ascii;

    private PrecompiledCharsmap(uint[] units, byte[] strings)
    {
        (_units, _strings) = (units, strings);
        _ascii = [.. Enumerable.Range(0, AsciiCount).Select(code => Replacement([(char)code]))];
    }

    /// <summary>Reads the table: the trie's bytes as a 32-bit number, the trie, the strings; null where it is none.</summary>
    public static PrecompiledCharsmap? TryRead(ReadOnlySpan<byte> table)
    {
        if (table.Length < UnitBytes || BinaryPrimitives.ReadUInt32LittleEndian(table) is var bytes && (bytes > (uint)(table.Length - UnitBytes) || bytes < UnitBytes || bytes % UnitBytes != 0))
            return null;
        var units = new uint[bytes / UnitBytes];
        for (var i = 0; i < units.Length; i++)
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(table[(UnitBytes * (i + 1))..]);
        return new PrecompiledCharsmap(units, table[(UnitBytes + (int)bytes)..].ToArray());
    }

    /// <summary>Bytes of the longest replacement.</summary>
    public int LongestReplacement
    {
        get
        {
            var longest = 0;
            for (var start = 0; start < _strings.Length; start += LengthAt(start) + 1)
                longest = Math.Max(longest, LengthAt(start));
            return longest;
        }
    }

    public override string Normalize(string text)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0, length; i < text.Length; i += length)
        {
            length = IsAlone(text, i) ? 1 : StringInfo.GetNextTextElementLength(text.AsSpan(i));
            if (length == 1 && text[i] < AsciiCount)
                Append(text.AsSpan(i, 1), _ascii[text[i]], result);
            else
                AppendCluster(text.AsSpan(i, length), result);
        }
        return result.ToString();
    }

    /// <summary>Whether an ASCII character is known to be a grapheme cluster of its own: only marks beyond ASCII, and line feeds, join one before them.</summary>
    private static bool IsAlone(string text, int i) => text[i] < AsciiCount && (i + 1 == text.Length || (text[i + 1] < AsciiCount && text[i + 1] != '\n'));

    private void AppendCluster(ReadOnlySpan<char> cluster, StringBuilder result)
    {
        if (Encoding.UTF8.GetByteCount(cluster) <= LongestKey && Replacement(cluster) is { } whole)
        {
            result.Append(whole);
            return;
        }
        for (int i = 0, length; i < cluster.Length; i += length)
        {
            length = char.IsHighSurrogate(cluster[i]) ? 2 : 1;
            var character = cluster.Slice(i, length);
            Append(character, Replacement(character), result);
        }
    }

    private static void Append(ReadOnlySpan<char> original, string? replacement, StringBuilder result)
    {
        if (replacement is null)
            result.Append(original);
        else
            result.Append(replacement);
    }

    private string? Replacement(ReadOnlySpan<char> key)
    {
        Span<byte> bytes = stackalloc byte[LongestKey];
        var place = Find(bytes[..Encoding.UTF8.GetBytes(key, bytes)]);
        return place == NotFound ? null : place < _strings.Length ? Encoding.UTF8.GetString(_strings, place, LengthAt(place)) : "";
    }

    private int LengthAt(int place) => _strings.AsSpan(place).IndexOf((byte)0) is >= 0 and var length ? length : _strings.Length - place;

    /// <summary>
    /// The value of the shortest key that the bytes start with. A unit holds a byte's label, whether a key ends behind it, and the distance to its children; a
    /// way out of the array, which a damaged table may have, finds nothing.
    /// </summary>
    private int Find(ReadOnlySpan<byte> bytes)
    {
        var node = OffsetOf(_units[0]);
        foreach (var value in bytes)
        {
            node ^= value;
            if (value == 0 || node >= _units.Length || (_units[node] & 0x8000_00FF) != value)
                return NotFound;
            var unit = _units[node];
            node ^= OffsetOf(unit);
            if ((unit >> 8 & 1) == 1)
                return node < _units.Length ? (int)(_units[node] & int.MaxValue) : NotFound;
        }
        return NotFound;
    }

    private static uint OffsetOf(uint unit) => unit >> 10 << (int)((unit & 1u << 9) >> 6);
}
