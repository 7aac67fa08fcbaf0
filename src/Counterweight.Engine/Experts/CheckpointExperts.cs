using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Experts;

/// <summary>The experts of a checkpoint that has three matrices for each; other precisions are made from them on the way.</summary>
/// <param name="checkpoint">The weights.</param>
/// <param name="shape">Sizes.</param>
/// <param name="namesOf">The tensors of (MoE layer, expert): gate, up, down.</param>
internal sealed class CheckpointExperts(Checkpoint checkpoint, ModelShape shape, Func<int, int, IReadOnlyList<string>> namesOf) : IExpertSource
{
    public Precision StoredPrecision { get; } = checkpoint.Get(namesOf(0, 0)[0]).StoredPrecision();

    public ExpertWeights Get(int layer, int expert, Precision precision)
    {
        var names = namesOf(layer, expert);
        return new ExpertWeights(
            Matrix(names[0], shape.ExpertIntermediate, shape.Hidden, precision),
            Matrix(names[1], shape.ExpertIntermediate, shape.Hidden, precision),
            Matrix(names[2], shape.Hidden, shape.ExpertIntermediate, precision));
    }

    private QuantizedMatrix Matrix(string name, int outputs, int inputs, Precision precision)
    {
        var tensor = checkpoint.Get(name, outputs, inputs);
        return tensor.StoredPrecision() == precision
            ? tensor.ToMatrix()
            : Quantizer.Quantize(tensor.ToFloats(), outputs, inputs, precision);
    }
}
