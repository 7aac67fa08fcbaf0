using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Unicode;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>Walks through mapped bytes; nothing is read before it is known to lie inside.</summary>
internal unsafe struct GgufReader(string file, byte* start, long length)
{
    /// <summary>The next byte to be read.</summary>
    public long Position { get; private set; }

    public readonly long Remaining => length - Position;

    public T Read<T>(string what) where T : unmanaged
    {
        Require(sizeof(T), what);
        var value = Unsafe.ReadUnaligned<T>(start + Position);
        Position += sizeof(T);
        return value;
    }

    /// <summary>The bytes of a string, whose length comes first.</summary>
    public ReadOnlySpan<byte> StringBytes(string what, int longest = int.MaxValue)
    {
        var begin = Position;
        var bytes = Read<ulong>($"the length of {what}");
        if (bytes > (ulong)Remaining)
            throw Refuse(begin, $"{what} of {bytes} bytes where {Remaining} remain", "strings that lie within the file");
        if (bytes > (ulong)longest)
            throw Refuse(begin, $"{what} of {bytes} bytes", $"at most {longest} bytes");
        var text = new ReadOnlySpan<byte>(start + Position, (int)bytes);
        Position += (long)bytes;
        return text;
    }

    public string String(string what, int longest = int.MaxValue)
    {
        var begin = Position;
        var bytes = StringBytes(what, longest);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Refuse(begin, $"{what} that is not UTF-8", "UTF-8 text");
    }

    /// <summary>A count of things of which each takes at least <paramref name="smallest"/> bytes.</summary>
    public long Count(string what, int smallest)
    {
        var begin = Position;
        var count = Read<ulong>($"the number of {what}");
        return count <= (ulong)(Remaining / smallest)
            ? (long)count
            : throw Refuse(begin, $"{count} {what} where {Remaining} bytes remain", $"at most {Remaining / smallest}");
    }

    public void Skip(long bytes, string what)
    {
        Require(bytes, what);
        Position += bytes;
    }

    public readonly InvalidInputException Refuse(long at, string found, string expected) => new($"{file}, byte {at}", found, expected);

    private readonly void Require(long bytes, string what)
    {
        if (bytes > Remaining)
            throw Refuse(Position, $"the end of the file within {what}", $"{bytes} bytes");
    }
}
