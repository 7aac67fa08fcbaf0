using System.Collections.Concurrent;
using Counterweight.Balancing;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>Some rows of a linear module.</summary>
/// <param name="Module">Its name: that of its weight without <c>.weight</c>.</param>
/// <param name="AllOutputs">Rows of the whole matrix.</param>
/// <param name="FirstRow">First row that is wanted.</param>
/// <param name="Outputs">Rows that are wanted.</param>
/// <param name="Inputs">Columns.</param>
internal readonly record struct LinearRows(string Module, int AllOutputs, int FirstRow, int Outputs, int Inputs);

/// <summary>Matrices that are linear modules, each with tensors of its own: <c>module.qweight</c>, <c>module.scales</c> and so on.</summary>
/// <param name="tensors">The checkpoint's tensors.</param>
internal abstract class LinearTensors(TensorSource tensors) : IStoredTensors
{
    private const string Weight = ".weight";

    private readonly ConcurrentDictionary<(string Tensor, long First, int Outputs), StoredFormat?> _formats = new();
    private IReadOnlyCollection<WeightPlace>? _matrices;

    /// <summary>The checkpoint's tensors.</summary>
    protected TensorSource Tensors => tensors;

    public IReadOnlyCollection<WeightPlace> Matrices => _matrices ??=
        [.. tensors.TensorNames.Select(ModuleOf).OfType<string>().Distinct(StringComparer.Ordinal).Where(HasModule).Select(WholeModule)];

    public StoredFormat? FormatOf(WeightPlace place) => _formats.GetOrAdd((place.Tensor, place.First, place.Outputs), (_, asked) => FindFormat(asked), place);

    public ReadOnlyMemory<byte> Read(WeightPlace place, StoredFormat format) => Read(RowsOf(place), format);

    public IReadOnlyList<string> TensorsOf(string tensor) =>
        tensor.EndsWith(Weight, StringComparison.Ordinal) && tensor[..^Weight.Length] is var module && HasModule(module)
            ? [.. Parts.Select(part => module + part).Where(name => tensors.TryGet(name, out _))]
            : [];

    /// <summary>What the names of a module's tensors end with.</summary>
    protected abstract IReadOnlyList<string> Parts { get; }

    /// <summary>Whether a module's tensors, or some of them, are in the method's form.</summary>
    protected abstract bool HasModule(string module);

    /// <summary>Rows and columns of a module that <see cref="HasModule"/>.</summary>
    protected abstract (int Outputs, int Inputs) SizeOf(string module);

    /// <summary>The format of a module whose tensors are checked against the size.</summary>
    protected abstract StoredFormat FormatOf(in LinearRows rows);

    /// <summary>Rows of a module as the format wants them.</summary>
    protected abstract ReadOnlyMemory<byte> Read(in LinearRows rows, StoredFormat format);

    /// <summary>Whether a tensor is there.</summary>
    protected bool Has(string name) => tensors.TryGet(name, out _);

    /// <summary>A tensor of that shape and one of those types.</summary>
    protected TensorView Get(string name, ReadOnlySpan<int> shape, params ReadOnlySpan<DType> types)
    {
        var tensor = tensors.Get(name, shape);
        if (!types.Contains(tensor.DType))
            throw Refuse(tensor, $"dtype {tensor.DType.Name()}", string.Join(" or ", types.ToArray().Select(type => type.Name())));
        return tensor;
    }

    /// <summary>An error about a tensor.</summary>
    protected static InvalidInputException Refuse(TensorView tensor, string found, string expected) =>
        new($"{tensor.File}, tensor {InputText.Quoted(tensor.Name)}", found, expected);

    /// <summary>The size of a two-dimensional tensor.</summary>
    protected (int Rows, int Columns) Size(string name)
    {
        var tensor = tensors.Get(name);
        return tensor.Shape.Length == 2 && tensor.Shape[0] is > 0 and <= int.MaxValue && tensor.Shape[1] is > 0 and <= int.MaxValue
            ? ((int)tensor.Shape[0], (int)tensor.Shape[1])
            : throw Refuse(tensor, $"shape {InputText.Shape(tensor.Shape)}", "two dimensions");
    }

    private StoredFormat? FindFormat(WeightPlace place) =>
        place.Tensor.EndsWith(Weight, StringComparison.Ordinal) && HasModule(place.Tensor[..^Weight.Length]) ? FormatOf(RowsOf(place)) : null;

    private static LinearRows RowsOf(WeightPlace place) =>
        place is { Shape: [var all, var inputs], InputStride: 1 } && inputs == place.Inputs && place.OutputStride == inputs && place.First % inputs == 0
            ? new LinearRows(place.Tensor[..^Weight.Length], all, (int)(place.First / inputs), place.Outputs, inputs)
            : throw new InvalidInputException($"tensor {InputText.Quoted(place.Tensor)}", "quantized", "a floating-point tensor: only linear modules can be read quantized here");

    private string? ModuleOf(string tensor) => Parts.FirstOrDefault(part => tensor.EndsWith(part, StringComparison.Ordinal)) is { } part ? tensor[..^part.Length] : null;

    private WeightPlace WholeModule(string module)
    {
        var (outputs, inputs) = SizeOf(module);
        return WeightPlace.Whole(module + Weight, outputs, inputs);
    }
}
