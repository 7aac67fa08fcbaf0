using System.Globalization;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Experts;

/// <summary>The experts of a checkpoint that has three matrices for each; other precisions are made from them on the way.</summary>
/// <param name="checkpoint">The weights.</param>
/// <param name="shape">Sizes.</param>
/// <param name="nameOf">The tensor name of (MoE layer, expert), with {0} for gate, up or down.</param>
internal sealed class CheckpointExperts(Checkpoint checkpoint, ModelShape shape, Func<int, int, string> nameOf) : IExpertSource
{
    public Precision StoredPrecision { get; } =
        checkpoint.Get(string.Format(CultureInfo.InvariantCulture, nameOf(0, 0), "gate")).StoredPrecision();

    public ExpertWeights Get(int layer, int expert, Precision precision)
    {
        var name = nameOf(layer, expert);
        return new ExpertWeights(
            Matrix(name, "gate", shape.ExpertIntermediate, shape.Hidden, precision),
            Matrix(name, "up", shape.ExpertIntermediate, shape.Hidden, precision),
            Matrix(name, "down", shape.Hidden, shape.ExpertIntermediate, precision));
    }

    private QuantizedMatrix Matrix(string name, string projection, int outputs, int inputs, Precision precision)
    {
        var tensor = checkpoint.Get(string.Format(CultureInfo.InvariantCulture, name, projection), outputs, inputs);
        return tensor.StoredPrecision() == precision
            ? tensor.ToMatrix()
            : Quantizer.Quantize(tensor.ToFloats(), outputs, inputs, precision);
    }
}
