using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Experts;

/// <summary>
/// The experts of a balanced checkpoint: one set of codes and scales for each precision in which the plan has a copy, however many
/// copies there are. Loaded as stored, bit for bit.
/// </summary>
internal sealed class BalancedExperts(Checkpoint checkpoint, ModelShape shape, Func<int, int, ExpertPlaces> placesOf) : IExpertSource
{
    private static readonly string[] Projections = ["gate", "up", "down"];

    private const string Prefix = "counterweight.layers.";
    private const string StoredPrecisionKey = "counterweight.stored_precision";
    private const string StoredPart = ".stored.";

    // Name of a matrix in the checkpoint's own format → name of the tensor, which ends with the format's.
    private readonly Dictionary<string, string> _storedTensors = checkpoint.TensorNames
        .Where(name => Owns(name) && name.Contains(StoredPart, StringComparison.Ordinal))
        .ToDictionary(name => name[..name.IndexOf('.', name.IndexOf(StoredPart, StringComparison.Ordinal) + StoredPart.Length)]);

    public Precision StoredPrecision { get; } =
        PrecisionNames.TryParse(Metadata(checkpoint), out var precision)
            ? precision
            : throw new InvalidInputException($"{checkpoint.ListedIn}: metadata {StoredPrecisionKey}", $"\"{Metadata(checkpoint)}\"", $"one of {string.Join(", ", PrecisionNames.All)}");

    /// <summary>Whether a checkpoint holds experts in this form.</summary>
    public static bool AreIn(Checkpoint checkpoint) => Metadata(checkpoint) is not null;

    /// <summary>Whether a tensor is one of these.</summary>
    public static bool Owns(string tensor) => tensor.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>What marks a file as a balanced checkpoint.</summary>
    public static IReadOnlyDictionary<string, string> MetadataFor(Precision stored) =>
        new Dictionary<string, string> { [StoredPrecisionKey] = stored.Name(), ["format"] = "pt" };

    /// <summary>As before the plan; 0 for an expert that the plan has in other precisions only, if its format was the checkpoint's own.</summary>
    public long StoredBytes(int layer, int expert)
    {
        var places = placesOf(layer, expert);
        if (StoredPrecision != Precision.Stored)
            return places.Matrices.Sum(place => PackedMatrix.BytesFor(StoredPrecision, place.Outputs, place.Inputs)) + places.BiasBytes;
        string[] names = [.. Projections.Select(projection => Name(shape.MoeLayers[layer], expert, StoredPrecision, projection)).Where(_storedTensors.ContainsKey)];
        return names.Length < places.Matrices.Count ? 0 : names.Sum(name => checkpoint.Get(_storedTensors[name]).ByteCount) + places.BiasBytes;
    }

    public ExpertWeights Get(int layer, int expert, Precision precision)
    {
        var places = placesOf(layer, expert);
        return new ExpertWeights(
            places.Gate is { } gate ? Matrix(layer, expert, precision, Projections[0], gate) : null,
            Matrix(layer, expert, precision, Projections[1], places.Up),
            Matrix(layer, expert, precision, Projections[2], places.Down))
        {
            Biases = places.ReadBiases(checkpoint),
        };
    }

    /// <summary>The tensors of an expert in one precision.</summary>
    public static IEnumerable<TensorToWrite> Tensors(int modelLayer, int expert, ExpertWeights weights)
    {
        foreach (var (projection, matrix) in Projections.Zip(new[] { weights.Gate, weights.Up, weights.Down }))
        {
            if (matrix is null)
                continue;
            var name = Name(modelLayer, expert, weights.Precision, projection);
            if (matrix.Format is { } format)
            {
                yield return TensorToWrite.FromBytes($"{name}.{format.Name}", DType.U8, [matrix.Codes.Length], matrix.Codes);
                continue;
            }
            var (type, rowLength) = CodeLayout(matrix.Precision, matrix.Inputs);
            yield return TensorToWrite.FromBytes($"{name}.codes", type, [matrix.Outputs, rowLength], matrix.Codes);
            if (matrix.Scales.Length > 0)
                yield return TensorToWrite.FromFloats($"{name}.scales", [matrix.Outputs, matrix.Scales.Length / matrix.Outputs], matrix.Scales);
        }
    }

    private QuantizedMatrix Matrix(int layer, int expert, Precision precision, string projection, WeightPlace place)
    {
        var (outputs, inputs) = (place.Outputs, place.Inputs);
        var name = Name(shape.MoeLayers[layer], expert, precision, projection);
        if (precision == Precision.Stored)
            return StoredMatrix(name, outputs, inputs);
        var (type, rowLength) = CodeLayout(precision, inputs);
        var codes = checkpoint.Get($"{name}.codes", outputs, rowLength);
        if (codes.DType != type)
            throw new InvalidInputException($"{codes.File}: {codes.Name}", $"dtype {codes.DType.Name()}", type.Name());
        var scales = precision switch
        {
            Precision.Int8 or Precision.LlmInt8 => checkpoint.Get($"{name}.scales", outputs, 1).ToFloats(),
            Precision.Int4 => checkpoint.Get($"{name}.scales", outputs, Groups(inputs)).ToFloats(),
            _ => [],
        };
        return new QuantizedMatrix(precision, outputs, inputs, codes.Memory(0, checked((int)codes.ByteCount)), scales);
    }

    private QuantizedMatrix StoredMatrix(string name, int outputs, int inputs)
    {
        if (!_storedTensors.TryGetValue(name, out var tensorName))
            throw new InvalidInputException(checkpoint.ListedIn, $"{checkpoint.TensorNames.Count} tensors, none of this name", $"tensor \"{name}\" with the name of its format");
        var tensor = checkpoint.Get(tensorName);
        var format = StoredFormats.Parse(tensorName[(name.Length + 1)..], $"{tensor.File}: {tensorName}");
        var bytes = format.Bytes(outputs, inputs);
        if (tensor.DType != DType.U8 || tensor.ByteCount != bytes)
            throw new InvalidInputException($"{tensor.File}: {tensorName}", $"{tensor.DType.Name()} of {tensor.ByteCount} bytes", $"U8 of {bytes} bytes for {format.Name} [{outputs}, {inputs}]");
        format.Check(tensor.Bytes, outputs, inputs, $"{tensor.File}: {tensorName}");
        return QuantizedMatrix.Stored(format, outputs, inputs, tensor.Memory(0, (int)bytes));
    }

    private static string Name(int modelLayer, int expert, Precision precision, string projection) =>
        $"{Prefix}{modelLayer}.experts.{expert}.{precision.Name()}.{projection}";

    private static (DType Type, int RowLength) CodeLayout(Precision precision, int inputs) => precision switch
    {
        Precision.Fp32 => (DType.F32, inputs),
        Precision.Fp16 => (DType.F16, inputs),
        Precision.Bf16 => (DType.BF16, inputs),
        Precision.Int4 => (DType.U8, (inputs + 1) / 2),
        _ => (DType.I8, inputs),
    };

    private static int Groups(int inputs) => (inputs + QuantizedMatrix.GroupSize - 1) / QuantizedMatrix.GroupSize;

    private static string? Metadata(Checkpoint checkpoint) => checkpoint.Files is [var first, ..] ? first.Metadata.GetValueOrDefault(StoredPrecisionKey) : null;
}
