using System.Runtime.InteropServices;

namespace Counterweight.Engine.Kernels;

/// <summary>Calls of Linux that map memory. Lengths in bytes; callers ask for Linux first.</summary>
internal static partial class LinuxMemory
{
    private const int ProtRead = 1, ProtWrite = 2, ProtExec = 4, MapPrivate = 2, MapAnonymous = 0x20, AdviseDontNeed = 4, AdviseHugePage = 14;

    private static readonly nint Failed = -1;

    /// <summary>New pages of zeros, to be read and written; false where they are refused.</summary>
    public static bool TryMap(long bytes, out nint address)
    {
        address = MMap(0, (nuint)bytes, ProtRead | ProtWrite, MapPrivate | MapAnonymous, -1, 0);
        return address != Failed;
    }

    /// <summary>Gives mapped pages back.</summary>
    public static void Unmap(nint address, long bytes) => _ = MUnmap(address, (nuint)bytes);

    /// <summary>Lets pages be run and no longer written; false where that is refused.</summary>
    public static bool TryMakeExecutable(nint address, long bytes) => MProtect(address, (nuint)bytes, ProtRead | ProtExec) == 0;

    /// <summary>Asks for huge pages; a system without them goes on with ordinary ones.</summary>
    public static void PreferHugePages(nint address, long bytes) => _ = MAdvise(address, (nuint)bytes, AdviseHugePage);

    /// <summary>Forgets the whole pages of a stretch: a file's are read again when they are touched, others are zeros then. The pages at its ends have neighbours and stay.</summary>
    public static void Discard(nint address, long bytes)
    {
        long page = Environment.SystemPageSize;
        var first = (address + page - 1) / page * page;
        var end = (address + bytes) / page * page;
        if (end > first)
            _ = MAdvise((nint)first, (nuint)(end - first), AdviseDontNeed);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint MMap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MUnmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MProtect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MAdvise(nint address, nuint length, int advice);
}
