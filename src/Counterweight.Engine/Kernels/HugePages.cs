namespace Counterweight.Engine.Kernels;

/// <summary>
/// Zeroed memory for weights in large stretches that the kernel of Linux may back with huge pages: a model of a gigabyte otherwise takes a quarter of a million page
/// faults to load, which is most of the time. Pieces of a stretch are handed out one behind the other; it is given back when the last of them is.
/// </summary>
internal static class HugePages
{
    private const long PageBytes = 2 << 20, StretchBytes = 32 << 20;
    private const int Alignment = 64;

    private static readonly Lock Gate = new();
    private static Stretch? _current;

    /// <summary>Bytes of all pieces that were not given back.</summary>
    public static long BytesInUse { get; private set; }

    /// <summary>A piece of memory, and what it is a piece of.</summary>
    public readonly record struct Piece(nint Address, long Bytes, object? Owner);

    /// <summary>A piece of zeros; null where the system has no such memory or refuses it.</summary>
    public static Piece? TryRent(long bytes)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        bytes = (Math.Max(bytes, 1) + Alignment - 1) / Alignment * Alignment;
        lock (Gate)
        {
            if (_current is null || _current.Left < bytes)
            {
                if (Stretch.TryMap(Math.Max(StretchBytes, (bytes + PageBytes - 1) / PageBytes * PageBytes)) is not { } stretch)
                    return null;
                _current?.ReleaseIfUnused();
                _current = stretch;
            }
            BytesInUse += bytes;
            return new Piece(_current.Take(bytes), bytes, _current);
        }
    }

    /// <summary>Gives a piece back.</summary>
    public static void Return(in Piece piece)
    {
        lock (Gate)
        {
            BytesInUse -= piece.Bytes;
            ((Stretch)piece.Owner!).Return(piece, isCurrent: piece.Owner == _current);
        }
    }

    private sealed class Stretch
    {
        private readonly nint _mapping, _begin;
        private readonly long _mappedBytes, _bytes;
        private long _used;
        private int _pieces;

        private Stretch(nint mapping, long bytes)
        {
            (_mapping, _mappedBytes, _bytes) = (mapping, bytes + PageBytes, bytes);
            _begin = (nint)((mapping + PageBytes - 1) / PageBytes * PageBytes);
        }

        public long Left => _bytes - _used;

        public static Stretch? TryMap(long bytes)
        {
            if (!LinuxMemory.TryMap(bytes + PageBytes, out var mapping))
                return null;
            var stretch = new Stretch(mapping, bytes);
            LinuxMemory.PreferHugePages(stretch._begin, bytes);
            return stretch;
        }

        public nint Take(long bytes)
        {
            var address = (nint)(_begin + _used);
            _used += bytes;
            _pieces++;
            return address;
        }

        public void Return(in Piece piece, bool isCurrent)
        {
            _pieces--;
            if (_pieces == 0 && !isCurrent)
                ReleaseIfUnused();
            else
                LinuxMemory.Discard(piece.Address, piece.Bytes);
        }

        public void ReleaseIfUnused()
        {
            if (_pieces == 0)
                LinuxMemory.Unmap(_mapping, _mappedBytes);
        }
    }
}
