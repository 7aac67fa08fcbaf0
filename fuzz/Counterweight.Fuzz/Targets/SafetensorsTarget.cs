using Counterweight.Engine.Checkpoints;

namespace Counterweight.Fuzz.Targets;

/// <summary>Opens a safetensors file and reads every byte of every tensor, which must be bytes of the file.</summary>
internal sealed class SafetensorsTarget : FuzzTarget
{
    private readonly InputFolder _folder = new();

    protected override void Read(byte[] input)
    {
        using var file = SafetensorsFile.Open(_folder.Write(Checkpoint.SingleFileName, input));
        var total = 0L;
        foreach (var name in file.TensorNames)
            total += file.Get(name).ByteCount;
        var data = input.AsSpan((int)(input.Length - total));
        foreach (var name in file.TensorNames)
        {
            var tensor = file.Get(name);
            if (tensor.ByteCount > 0 && data.IndexOf(tensor.Bytes) < 0)
                throw new InvalidOperationException($"tensor {name} holds bytes that the file doesn't");
            if (tensor.DType is DType.F32 or DType.F16 or DType.BF16)
                tensor.ToFloats();
        }
    }
}
