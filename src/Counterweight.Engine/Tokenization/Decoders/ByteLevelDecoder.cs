using System.Buffers;
using System.Text;

namespace Counterweight.Engine.Tokenization.Decoders;

/// <summary>
/// Tokens spell bytes in the <see cref="ByteAlphabet"/>; a token with any other character stands for its own UTF-8 bytes.
/// </summary>
internal sealed class ByteLevelDecoder(TokenSink next) : DecodingStep(next)
{
    private byte[] _bytes = new byte[64];
    private int _count;

    public override bool IsIncomplete => _count > 0;

    public override void Add(string token)
    {
        var kept = _count;
        EnsureRoom(Encoding.UTF8.GetMaxByteCount(token.Length));
        foreach (var character in token)
        {
            var value = ByteAlphabet.ToByte(character);
            if (value < 0)
            {
                _count = kept + Encoding.UTF8.GetBytes(token, _bytes.AsSpan(kept));
                break;
            }
            _bytes[_count++] = (byte)value;
        }
        HandOn(isLast: false);
    }

    public override void Finish()
    {
        HandOn(isLast: true);
        Next.Finish();
    }

    /// <summary>Hands on all characters that are complete, or can't become so; at most three bytes stay.</summary>
    private void HandOn(bool isLast)
    {
        var complete = _count;
        if (!isLast)
            complete -= IncompleteTail(_bytes.AsSpan(0, _count));
        if (complete == 0)
            return;
        Next.Add(Encoding.UTF8.GetString(_bytes, 0, complete));
        _bytes.AsSpan(complete, _count - complete).CopyTo(_bytes);
        _count -= complete;
    }

    private static int IncompleteTail(ReadOnlySpan<byte> bytes)
    {
        for (var length = Math.Min(3, bytes.Length); length > 0; length--)
            if (Rune.DecodeFromUtf8(bytes[^length..], out _, out var consumed) == OperationStatus.NeedMoreData && consumed == length)
                return length;
        return 0;
    }

    private void EnsureRoom(int more)
    {
        if (_bytes.Length < _count + more)
            Array.Resize(ref _bytes, Math.Max(_count + more, _bytes.Length * 2));
    }
}
