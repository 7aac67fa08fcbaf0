using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
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

    /// <summary>Room for what lies inside an MLP; one layer works at a time.</summary>
    public FloatBuffer Scratch { get; } = new();

    /// <summary>Room for a shared expert's output.</summary>
    public FloatBuffer SharedOutput { get; } = new();

    /// <summary>A norm's weight or the like, widened to fp32.</summary>
    public float[] Vector(string name, params ReadOnlySpan<int> shape)
    {
        var values = checkpoint.Get(name, shape).ToFloats();
        BytesLoaded += (long)values.Length * sizeof(float);
        return values;
    }

    /// <summary>The projection <c>name.weight</c> [outputs, inputs] as the checkpoint has it, with <c>name.bias</c> if wanted.</summary>
    public Linear Linear(string name, int outputs, int inputs, bool bias) =>
        new(context, Packed(WeightPlace.Whole($"{name}.weight", outputs, inputs)), bias ? Vector($"{name}.bias", outputs) : null);

    /// <summary>The same for a router, which computes in fp32 in every mode: a rounded input could choose another expert.</summary>
    public Linear Router(string name, int experts, int inputs, bool bias = false) =>
        new(context, Packed(WeightPlace.Whole($"{name}.weight", experts, inputs)), bias ? Vector($"{name}.bias", experts) : null) { IsExact = true };

    /// <summary>Rows [firstRow, firstRow + outputs) of the projection <c>name.weight</c> [allOutputs, inputs], without bias.</summary>
    public Linear LinearRows(string name, int allOutputs, int firstRow, int outputs, int inputs) =>
        new(context, Packed(WeightPlace.Rows($"{name}.weight", allOutputs, firstRow, outputs, inputs)));

    /// <summary>The RMSNorm <c>name.weight</c> [width].</summary>
    public RmsNorm RmsNorm(string name, int width, float epsilon) => new(Vector($"{name}.weight", width), epsilon);

    /// <summary>The gated MLP whose projections are <c>prefix.gate_proj</c> [intermediate, hidden], <c>up_proj</c> and <c>down_proj</c> [hidden, intermediate].</summary>
    public GatedMlp Mlp(string prefix, int intermediate, int hidden, Activation activation) => new(
        context,
        Linear($"{prefix}.gate_proj", intermediate, hidden, bias: false),
        Linear($"{prefix}.up_proj", intermediate, hidden, bias: false),
        Linear($"{prefix}.down_proj", hidden, intermediate, bias: false),
        Scratch,
        activation);

    /// <summary>The expert that every token goes through, with its output before it is added.</summary>
    public SharedExpert Shared(GatedMlp mlp, float[]? gate = null) => new(context, mlp, SharedOutput, gate);

    /// <summary>The head: <c>lm_head</c> [vocabulary, hidden], or the embedding where they are one.</summary>
    /// <param name="config">Sizes, and whether they are one.</param>
    /// <param name="root">What names begin with.</param>
    public Linear Head(DecoderConfig config, string root = "") =>
        Linear(config.TiedEmbeddings ? $"{root}model.embed_tokens" : $"{root}lm_head", config.VocabularySize, config.HiddenSize, bias: false);

    /// <summary>An embedding table, read from the mapped file.</summary>
    public Embedding Embedding(string name, int vocabulary, int hidden)
    {
        var table = WeightPlace.Whole(name, vocabulary, hidden).Read(checkpoint);
        BytesLoaded += table.Codes.Length;
        return new Embedding(table);
    }

    private PackedMatrix Packed(WeightPlace place)
    {
        var packed = PackedMatrix.Pack(place.Read(checkpoint), context.Pool);
        BytesLoaded += packed.Bytes;
        return packed;
    }
}
