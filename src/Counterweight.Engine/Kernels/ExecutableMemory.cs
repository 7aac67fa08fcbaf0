using System.Runtime.InteropServices;

namespace Counterweight.Engine.Kernels;

/// <summary>Memory for machine code: written first, then made executable and read-only. It is kept for the life of the process.</summary>
internal static unsafe partial class ExecutableMemory
{
    private const int ProtRead = 1, ProtWrite = 2, ProtExec = 4, MapPrivate = 2, MapAnonymous = 0x20;

    private static readonly nint Failed = -1;

    /// <summary>Whether the operating system lets this process run code that it has written.</summary>
    public static bool IsAllowed { get; } = TryCreate([0xC3], out _);

    /// <summary>Places code; false where that is refused.</summary>
    public static bool TryCreate(ReadOnlySpan<byte> code, out nint entry)
    {
        entry = 0;
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return false;
        var memory = MMap(0, (nuint)code.Length, ProtRead | ProtWrite, MapPrivate | MapAnonymous, -1, 0);
        if (memory == Failed)
            return false;
        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        if (MProtect(memory, (nuint)code.Length, ProtRead | ProtExec) != 0)
        {
            _ = MUnmap(memory, (nuint)code.Length);
            return false;
        }
        entry = memory;
        return true;
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MMap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int MProtect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int MUnmap(nint address, nuint length);
}
