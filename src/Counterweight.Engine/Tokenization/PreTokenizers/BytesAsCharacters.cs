using System.Buffers;
using System.Text;

namespace Counterweight.Engine.Tokenization.PreTokenizers;

/// <summary>Spells a piece's UTF-8 bytes in the <see cref="ByteAlphabet"/>.</summary>
internal sealed class BytesAsCharacters(PreTokenizer next) : PreTokenizer
{
    private const int StackLength = 256;

    public override void Encode(ReadOnlySpan<char> piece, bool atTextStart, List<int> ids)
    {
        var maximum = Encoding.UTF8.GetMaxByteCount(piece.Length);
        if (maximum <= StackLength)
        {
            Encode(piece, atTextStart, stackalloc byte[StackLength], stackalloc char[StackLength], ids);
            return;
        }
        var bytes = ArrayPool<byte>.Shared.Rent(maximum);
        var characters = ArrayPool<char>.Shared.Rent(maximum);
        Encode(piece, atTextStart, bytes, characters, ids);
        ArrayPool<byte>.Shared.Return(bytes);
        ArrayPool<char>.Shared.Return(characters);
    }

    private void Encode(ReadOnlySpan<char> piece, bool atTextStart, Span<byte> bytes, Span<char> characters, List<int> ids)
    {
        var count = Encoding.UTF8.GetBytes(piece, bytes);
        for (var i = 0; i < count; i++)
            characters[i] = ByteAlphabet.ToCharacter(bytes[i]);
        next.Encode(characters[..count], atTextStart, ids);
    }
}
