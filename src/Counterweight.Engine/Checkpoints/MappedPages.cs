using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Counterweight.Engine.Checkpoints;

/// <summary>Residency of read-only file mappings.</summary>
internal static partial class MappedPages
{
    private const int DontNeed = 4; // MADV_DONTNEED on Linux: of a file's unchanged pages nothing is lost

    /// <summary>Gives the pages of a mapping back where the system can; elsewhere it takes them itself when memory is short.</summary>
    public static void Release(SafeMemoryMappedViewHandle view)
    {
        if (OperatingSystem.IsLinux())
            _ = Advise(view, (nuint)view.ByteLength, DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(SafeMemoryMappedViewHandle address, nuint length, int advice);
}
