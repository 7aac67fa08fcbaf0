using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Experts;

/// <summary>The experts of a checkpoint that stores them in a floating-point type; other precisions are made from them on the way.</summary>
/// <param name="checkpoint">The weights.</param>
/// <param name="placesOf">Where (MoE layer, expert) lies.</param>
internal sealed class CheckpointExperts(Checkpoint checkpoint, Func<int, int, ExpertPlaces> placesOf) : IExpertSource
{
    public Precision StoredPrecision { get; } = checkpoint.Get(placesOf(0, 0).Gate.Tensor).StoredPrecision();

    public ExpertWeights Get(int layer, int expert, Precision precision)
    {
        var places = placesOf(layer, expert);
        return new ExpertWeights(Matrix(places.Gate, precision), Matrix(places.Up, precision), Matrix(places.Down, precision))
        {
            Biases = places.ReadBiases(checkpoint),
        };
    }

    private QuantizedMatrix Matrix(WeightPlace place, Precision precision)
    {
        var stored = place.Read(checkpoint);
        return stored.Precision == precision ? stored : Quantizer.Quantize(Quantizer.Dequantize(stored), stored.Outputs, stored.Inputs, precision);
    }
}
