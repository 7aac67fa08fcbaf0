using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Counterweight.Engine.Kernels;

/// <summary>One or two panels of integer codes and a few rows of int8 activations: what a register tile multiplies. Emitted code reads it by offset.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CodeTile
{
    /// <summary>Most rows of a tile.</summary>
    public const int MaxRows = 6;

    /// <summary>Codes of the first panel.</summary>
    public byte* Codes;

    /// <summary>Codes of the second panel.</summary>
    public byte* NextCodes;

    /// <summary>fp32 scales of the first panel.</summary>
    public float* Scales;

    /// <summary>fp32 scales of the second panel.</summary>
    public float* NextScales;

    /// <summary>Bytes from the scales of a group of 32 inputs to the next ones; 0 where all have the same.</summary>
    public nint ScaleStep;

    /// <summary>Groups of 32 inputs.</summary>
    public nint Groups;

    /// <summary>Quantized rows.</summary>
    public Pointers X;

    /// <summary>Where 16 results of each panel go, one panel behind the other.</summary>
    public Pointers Y;

    /// <summary>A pointer for each row.</summary>
    [InlineArray(MaxRows)]
    public struct Pointers
    {
        private nint _first;
    }
}
