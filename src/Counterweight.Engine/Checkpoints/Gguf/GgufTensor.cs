namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>A tensor of a GGUF file, after all checks.</summary>
public sealed unsafe class GgufTensor
{
    private readonly TensorMemory _memory;
    private readonly long _begin;

    internal GgufTensor(string name, GgmlType type, long[] shape, TensorMemory memory, long begin)
    {
        (Name, Type, Shape, _memory, _begin) = (name, type, shape, memory, begin);
        Elements = shape.Aggregate(1L, (product, size) => product * size);
    }

    /// <summary>Its name in the file.</summary>
    public string Name { get; }

    /// <summary>How its values are stored.</summary>
    public GgmlType Type { get; }

    /// <summary>Dimensions, the slowest first (the file has them the other way round).</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The product of <see cref="Shape"/>.</summary>
    public long Elements { get; }

    /// <summary>Size of the data.</summary>
    public long Bytes => Type.BytesOf(Elements);

    /// <summary>The first byte; valid until the file is disposed.</summary>
    public byte* Pointer => _memory.Pointer + _begin;

    /// <summary>The file that holds it.</summary>
    public string File => _memory.Path;

    /// <summary>The mapped file.</summary>
    internal TensorMemory Memory => _memory;

    /// <summary>The first byte within the memory.</summary>
    internal long Begin => _begin;
}
