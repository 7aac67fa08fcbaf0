using System.Numerics.Tensors;
using Counterweight.Balancing;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Checkpoints;

/// <summary>A tensor in a memory-mapped file: row-major, little-endian, not necessarily aligned to its elements.</summary>
public readonly unsafe struct TensorView
{
    private readonly TensorMemory _memory;
    private readonly long _origin;
    private readonly TensorEntry _entry;

    /// <param name="memory">Where the data lies.</param>
    /// <param name="origin">The byte that the entry's places are counted from.</param>
    /// <param name="entry">The tensor.</param>
    internal TensorView(TensorMemory memory, long origin, TensorEntry entry)
    {
        _memory = memory;
        _origin = origin;
        _entry = entry;
    }

    /// <summary>The tensor's name.</summary>
    public string Name => _entry.Name;

    /// <summary>The file that holds the data (in a sharded checkpoint: the shard).</summary>
    public string File => _memory.Path;

    /// <summary>The element type.</summary>
    public DType DType => _entry.DType;

    /// <summary>Dimensions, the slowest first; empty for a scalar.</summary>
    public ReadOnlySpan<long> Shape => _entry.Shape;

    /// <summary>The product of <see cref="Shape"/>.</summary>
    public long ElementCount => _entry.Elements;

    /// <summary>Size of the data.</summary>
    public long ByteCount => _entry.End - _entry.Begin;

    /// <summary>The first byte; valid until the file is disposed.</summary>
    public byte* Pointer => _memory.Pointer + _origin + _entry.Begin;

    /// <summary>The data as it stands in the file.</summary>
    /// <exception cref="InvalidInputException">The tensor is larger than a span (2 GiB): use <see cref="Pointer"/>.</exception>
    public ReadOnlySpan<byte> Bytes => ByteCount <= int.MaxValue
        ? new(Pointer, (int)ByteCount)
        : throw Refuse($"{ByteCount} bytes", $"at most {int.MaxValue} bytes in one piece");

    /// <summary>A stretch of the data as it stands in the file, not copied; valid until the file is disposed.</summary>
    /// <param name="firstByte">Where it starts.</param>
    /// <param name="bytes">Its length.</param>
    /// <exception cref="ArgumentOutOfRangeException">The stretch leaves the tensor.</exception>
    public ReadOnlyMemory<byte> Memory(long firstByte, int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstByte);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstByte, ByteCount - bytes);
        return new MappedMemory(_memory, _origin + _entry.Begin + firstByte, bytes).Memory;
    }

    /// <summary>Throws unless the tensor has this shape.</summary>
    /// <exception cref="InvalidInputException">It has another one.</exception>
    public void RequireShape(params ReadOnlySpan<int> expected)
    {
        var same = Shape.Length == expected.Length;
        for (var i = 0; same && i < expected.Length; i++)
            same = Shape[i] == expected[i];
        if (!same)
            throw Refuse($"shape {InputText.Shape(Shape)}", $"shape {InputText.Shape(expected)}");
    }

    /// <summary>Widens all elements of an F32, F16 or BF16 tensor, exactly.</summary>
    /// <param name="destination">[ElementCount] or longer.</param>
    /// <exception cref="InvalidInputException">The tensor has another element type.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    public void CopyTo(Span<float> destination)
    {
        if (destination.Length < ElementCount)
            throw new ArgumentException($"{destination.Length} floats for the {ElementCount} elements of {Name}", nameof(destination));
        CopyTo(0, destination[..(int)ElementCount]);
    }

    /// <summary>
    /// Widens a stretch of an F32, F16 or BF16 tensor, exactly: one expert of a stack, or a tensor beyond 2^31 elements piece by piece.
    /// </summary>
    /// <param name="firstElement">Where the stretch starts, in elements.</param>
    /// <param name="destination">Filled completely.</param>
    /// <exception cref="InvalidInputException">The tensor has another element type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The stretch leaves the tensor.</exception>
    public void CopyTo(long firstElement, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstElement);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstElement, ElementCount - destination.Length);
        var count = destination.Length;
        switch (DType)
        {
            case DType.F32:
                new ReadOnlySpan<float>(Pointer + firstElement * sizeof(float), count).CopyTo(destination);
                break;
            case DType.F16:
                // Vectorised, which casts one by one are not.
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(Pointer + firstElement * sizeof(ushort), count), destination);
                break;
            case DType.BF16:
                BFloat16.Widen(new ReadOnlySpan<ushort>(Pointer + firstElement * sizeof(ushort), count), destination);
                break;
            default:
                throw Refuse($"dtype {DType.Name()}", "F32, F16 or BF16");
        }
    }

    /// <summary>All elements of an F32, F16 or BF16 tensor as floats.</summary>
    /// <exception cref="InvalidInputException">The tensor has another element type or more elements than an array holds.</exception>
    public float[] ToFloats()
    {
        var floats = new float[ArrayLength()];
        CopyTo(floats);
        return floats;
    }

    /// <summary>All elements of an I64 or I32 tensor.</summary>
    /// <exception cref="InvalidInputException">The tensor has another element type or more elements than an array holds.</exception>
    public long[] ToInt64()
    {
        var length = ArrayLength();
        switch (DType)
        {
            case DType.I64:
                return new ReadOnlySpan<long>(Pointer, length).ToArray();
            case DType.I32:
                var wide = new long[length];
                TensorPrimitives.ConvertChecked(new ReadOnlySpan<int>(Pointer, length), wide.AsSpan());
                return wide;
            default:
                throw Refuse($"dtype {DType.Name()}", "I64 or I32");
        }
    }

    private int ArrayLength() => ElementCount <= Array.MaxLength
        ? (int)ElementCount
        : throw Refuse($"{ElementCount} elements", $"at most {Array.MaxLength} elements in one piece");

    private InvalidInputException Refuse(string found, string expected) =>
        new($"{File}, tensor {InputText.Quoted(Name)}", found, expected);
}
