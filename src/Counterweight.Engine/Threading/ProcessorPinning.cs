using System.Numerics;
using System.Runtime.InteropServices;

namespace Counterweight.Engine.Threading;

/// <summary>Keeps threads on one processor each, on Linux.</summary>
internal static unsafe partial class ProcessorPinning
{
    private const int MaskWords = 16; // 1024 processors, as many as a C library's set has
    private const nuint MaskBytes = MaskWords * sizeof(ulong);

    // What the process was allowed when it began: a thread that is pinned hands its own mask on to threads that it starts.
    private static readonly int[] Allowed = AllowedHere();

    /// <summary>Processors that the process may use, in ascending order; empty where that can't be told.</summary>
    public static IReadOnlyList<int> Processors => Allowed;

    /// <summary>Keeps the calling thread on the processor that the worker of that number gets; false where the system refuses or there are fewer processors than workers.</summary>
    public static bool TryPin(int worker, int workers)
    {
        if (workers > Allowed.Length)
            return false;
        var mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        mask[Allowed[worker] / 64] = 1UL << (Allowed[worker] % 64);
        return SchedSetAffinity(0, MaskBytes, mask) == 0;
    }

    /// <summary>Processors that the calling thread may use.</summary>
    public static int[] AllowedHere()
    {
        if (!OperatingSystem.IsLinux())
            return [];
        var mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        if (SchedGetAffinity(0, MaskBytes, mask) < 0)
            return [];
        var processors = new List<int>();
        for (var word = 0; word < MaskWords; word++)
            for (var left = mask[word]; left != 0; left &= left - 1)
                processors.Add(64 * word + BitOperations.TrailingZeroCount(left));
        return [.. processors];
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SchedSetAffinity(int thread, nuint bytes, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SchedGetAffinity(int thread, nuint bytes, ulong* mask);
}
