using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Counterweight.Engine.Kernels;

/// <summary>One or two panels of integer codes and a few rows of int8 activations: what a register tile multiplies. Emitted code reads it by offset.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CodeTile
{
    /// <summary>Most rows of a tile.</summary>
    public const int MaxRows = 10;

    /// <summary>Codes of the first panel.</summary>
    public byte* Codes;

    /// <summary>Codes of the second panel.</summary>
    public byte* NextCodes;

    /// <summary>Scales of the first panel, of type <see cref="ScaleType"/>.</summary>
    public byte* Scales;

    /// <summary>Scales of the second panel.</summary>
    public byte* NextScales;

    /// <summary>Bytes from the scales of a group of 32 inputs to the next ones; 0 where all have the same.</summary>
    public nint ScaleStep;

    /// <summary>Codes that are wanted next: <see cref="FetchLines"/> cache lines of them are fetched for each group and panel, one behind the other.</summary>
    public byte* Next;

    /// <summary>Bytes from scales to those that are wanted next.</summary>
    public nint ScalesAhead;

    /// <summary>All lines of a group, half of them, or 0.</summary>
    public int FetchLines;

    /// <summary>Groups of 32 inputs.</summary>
    public nint Groups;

    /// <summary>Quantized rows.</summary>
    public Pointers X;

    /// <summary>Where 16 results of each panel go, one panel behind the other.</summary>
    public Pointers Y;

    /// <summary>What the scales are.</summary>
    public ScaleType ScaleType;

    /// <summary>A pointer for each row.</summary>
    [InlineArray(MaxRows)]
    public struct Pointers
    {
        private nint _first;
    }
}
