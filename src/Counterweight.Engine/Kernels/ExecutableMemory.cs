using System.Runtime.InteropServices;

namespace Counterweight.Engine.Kernels;

/// <summary>Memory for machine code: written first, then made executable and read-only. It is kept for the life of the process.</summary>
internal static unsafe class ExecutableMemory
{
    /// <summary>Whether the operating system lets this process run code that it has written.</summary>
    public static bool IsAllowed { get; } = TryCreate([0xC3], out _);

    /// <summary>Places code; false where that is refused.</summary>
    public static bool TryCreate(ReadOnlySpan<byte> code, out nint entry)
    {
        entry = 0;
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return false;
        if (!LinuxMemory.TryMap(code.Length, out var memory))
            return false;
        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        if (!LinuxMemory.TryMakeExecutable(memory, code.Length))
        {
            LinuxMemory.Unmap(memory, code.Length);
            return false;
        }
        entry = memory;
        return true;
    }
}
