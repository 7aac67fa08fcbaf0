namespace Counterweight.Engine.Tokenization.Models;

/// <summary>The tokens that a vocabulary with byte fallback has for single bytes.</summary>
internal static class ByteTokens
{
    /// <summary>How it spells a byte.</summary>
    public static string Spelling(byte value) => $"<0x{value:X2}>";

    /// <summary>The id of each byte, null where the vocabulary has none, [256].</summary>
    public static int?[] Ids(Vocabulary vocabulary) => [.. Enumerable.Range(0, 256).Select(value => vocabulary.IdOf(Spelling((byte)value)))];
}
