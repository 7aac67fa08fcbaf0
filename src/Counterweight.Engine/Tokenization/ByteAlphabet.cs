namespace Counterweight.Engine.Tokenization;

/// <summary>
/// The 256 printable characters that stand for the bytes in a byte-level vocabulary: printable Latin-1 for itself, the other
/// 68 bytes, in order, from U+0100 on (GPT-2's <c>bytes_to_unicode</c>).
/// </summary>
internal static class ByteAlphabet
{
    private const int FirstStandIn = 0x100;
    private static readonly char[] Characters = BuildCharacters();
    private static readonly short[] Bytes = BuildBytes();

    public static ReadOnlySpan<char> All => Characters;

    public static char ToCharacter(byte value) => Characters[value];

    /// <summary>The byte that the character stands for, or -1 for a character outside of the alphabet.</summary>
    public static int ToByte(char character) => character < Bytes.Length ? Bytes[character] : -1;

    private static char[] BuildCharacters()
    {
        var characters = new char[256];
        var standIn = FirstStandIn;
        for (var value = 0; value < 256; value++)
            characters[value] = IsPrintable(value) ? (char)value : (char)standIn++;
        return characters;
    }

    private static bool IsPrintable(int value) => value is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE;

    private static short[] BuildBytes()
    {
        var bytes = new short[Characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < 256; value++)
            bytes[Characters[value]] = (short)value;
        return bytes;
    }
}
