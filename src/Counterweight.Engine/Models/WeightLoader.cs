using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Turns a checkpoint's tensors into layers; shapes are checked against what the config promises.</summary>
internal sealed class WeightLoader(Checkpoint checkpoint, ComputeContext context)
{
    public Checkpoint Checkpoint => checkpoint;

    public ComputeContext Context => context;

    /// <summary>Bytes of everything loaded so far, as held.</summary>
    public long BytesLoaded { get; private set; }

    /// <summary>A norm's weight or the like, widened to fp32.</summary>
    public float[] Vector(string name, int length)
    {
        var values = new float[length];
        checkpoint.Get(name, length).CopyTo(values);
        BytesLoaded += (long)length * sizeof(float);
        return values;
    }

    /// <summary>The projection <c>name.weight</c> [outputs, inputs] in its stored precision, with <c>name.bias</c> if wanted.</summary>
    public Linear Linear(string name, int outputs, int inputs, bool bias)
    {
        var packed = PackedMatrix.Pack(checkpoint.Get($"{name}.weight", outputs, inputs).ToMatrix());
        BytesLoaded += packed.Bytes;
        return new Linear(context, packed, bias ? Vector($"{name}.bias", outputs) : null);
    }

    /// <summary>An embedding table, read from the mapped file.</summary>
    public Embedding Embedding(string name, int vocabulary, int hidden)
    {
        var table = checkpoint.Get(name, vocabulary, hidden);
        BytesLoaded += table.ByteCount;
        return new Embedding(table, hidden);
    }
}
