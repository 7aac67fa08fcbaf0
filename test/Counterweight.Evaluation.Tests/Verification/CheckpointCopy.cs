using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Counterweight.Engine.Checkpoints;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>A reference checkpoint written anew: other names, element types, files or settings.</summary>
internal sealed class CheckpointCopy : IDisposable
{
    private readonly TemporaryData _data = new();

    /// <summary>The folder.</summary>
    public string Path => _data.Root;

    /// <summary>Writes a copy.</summary>
    /// <param name="folder">Folder of reference outputs.</param>
    /// <param name="tensors">What becomes of its tensors; null: they stay.</param>
    /// <param name="config">Changes its settings; null: they stay.</param>
    /// <param name="shards">Files that tensors are dealt out to; 1 for <c>model.safetensors</c>.</param>
    public static CheckpointCopy Of(
        string folder, Func<Checkpoint, IEnumerable<TensorToWrite>>? tensors = null, Action<JsonObject>? config = null, int shards = 1)
    {
        var copy = new CheckpointCopy();
        var source = GoldenFiles.Shared("goldens", "models", folder);
        using var checkpoint = Checkpoint.Open(source);
        var written = (tensors ?? (original => original.TensorNames.Select(name => TensorToWrite.Copy(original.Get(name)))))(checkpoint).ToArray();
        if (shards == 1)
            SafetensorsWriter.Write(copy._data.Path(Checkpoint.SingleFileName), written);
        else
            copy.WriteShards(written, shards);
        var settings = JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(source, "config.json")))!.AsObject();
        config?.Invoke(settings);
        copy._data.Write("config.json", settings.ToJsonString());
        return copy;
    }

    /// <summary>A copy whose settings alone differ; the weights are the original file.</summary>
    public static CheckpointCopy WithConfig(string folder, Action<JsonObject> config)
    {
        var copy = new CheckpointCopy();
        var source = GoldenFiles.Shared("goldens", "models", folder);
        File.CreateSymbolicLink(copy._data.Path(Checkpoint.SingleFileName), System.IO.Path.Combine(source, Checkpoint.SingleFileName));
        var settings = JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(source, "config.json")))!.AsObject();
        config(settings);
        copy._data.Write("config.json", settings.ToJsonString());
        return copy;
    }

    /// <summary>A tensor of floats in another element type.</summary>
    public static TensorToWrite Rounded(TensorView tensor, DType type)
    {
        var values = tensor.ToFloats();
        var bytes = type switch
        {
            DType.F16 => MemoryMarshal.AsBytes(Array.ConvertAll(values, value => (Half)value).AsSpan()).ToArray(),
            DType.BF16 => MemoryMarshal.AsBytes(Array.ConvertAll(values, ToBFloat16).AsSpan()).ToArray(),
            _ => MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
        };
        return TensorToWrite.FromBytes(tensor.Name, type, tensor.Shape.ToArray(), bytes);
    }

    /// <summary>The values that <see cref="Rounded"/> keeps, in F32.</summary>
    public static TensorToWrite Widened(TensorView tensor, DType type) => TensorToWrite.FromFloats(tensor.Name, tensor.Shape.ToArray(), Array.ConvertAll(tensor.ToFloats(), value => type switch
    {
        DType.F16 => (float)(Half)value,
        DType.BF16 => BitConverter.Int32BitsToSingle(ToBFloat16(value) << 16),
        _ => value,
    }));

    /// <summary>To the nearest, ties to the even one.</summary>
    private static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private void WriteShards(TensorToWrite[] tensors, int shards)
    {
        var places = new JsonObject();
        for (var s = 0; s < shards; s++)
        {
            var file = string.Create(CultureInfo.InvariantCulture, $"model-{s + 1:D5}-of-{shards:D5}.safetensors");
            var part = tensors.Where((_, i) => i % shards == s).ToArray();
            SafetensorsWriter.Write(_data.Path(file), part);
            foreach (var tensor in part)
                places[tensor.Name] = file;
        }
        _data.Write(Checkpoint.IndexFileName, new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = 0 }, ["weight_map"] = places }.ToJsonString());
    }

    public void Dispose() => _data.Dispose();
}
