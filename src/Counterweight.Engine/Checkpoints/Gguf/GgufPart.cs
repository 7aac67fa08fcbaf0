namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>A tensor of the checkpoint that a file stands for: a stretch of one of the file's, or put together from several.</summary>
/// <param name="Name">Its name in that checkpoint.</param>
/// <param name="Type">How its values are stored.</param>
/// <param name="Shape">Dimensions, the slowest first.</param>
/// <param name="Memory">Where it lies.</param>
/// <param name="Begin">Its first byte there.</param>
internal sealed unsafe record GgufPart(string Name, GgmlType Type, long[] Shape, TensorMemory Memory, long Begin)
{
    private MadeMemory? _decoded;

    /// <summary>The product of <see cref="Shape"/>.</summary>
    public long Elements { get; } = Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Size of the data.</summary>
    public long Bytes => Type.BytesOf(Elements);

    /// <summary>A tensor of the file, or some rows of it, perhaps with another shape.</summary>
    public static GgufPart Of(string name, GgufTensor tensor, long[]? shape = null, long firstElement = 0) =>
        new(name, tensor.Type, shape ?? [.. tensor.Shape], tensor.Memory, tensor.Begin + tensor.Type.BytesOf(firstElement));

    /// <summary>The tensor as others read it: numbers as they are, blocks decoded to F32 when they are touched.</summary>
    public TensorView View()
    {
        if (Type.Plain is { } plain)
            return new TensorView(Memory, 0, new TensorEntry(Name, plain, Shape, Elements, Begin, Begin + Bytes));
        _decoded ??= new MadeMemory(Memory.Path, Elements * sizeof(float), target => Decode(0, new Span<float>(target, checked((int)Elements))));
        return new TensorView(_decoded, 0, new TensorEntry(Name, DType.F32, Shape, Elements, 0, Elements * sizeof(float)));
    }

    /// <summary>Decodes some blocks.</summary>
    /// <param name="firstElement">Where they start; a multiple of a block's values.</param>
    /// <param name="values">Receives whole blocks.</param>
    public void Decode(long firstElement, Span<float> values) => Type.Decode(Memory.Pointer + Begin + Type.BytesOf(firstElement), values);

    /// <summary>Gives back what was made; it is made again when it is touched.</summary>
    public void Release()
    {
        _decoded?.Release();
        (Memory as MadeMemory)?.Release();
    }
}
