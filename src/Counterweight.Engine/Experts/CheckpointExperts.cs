using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Experts;

/// <summary>The experts of a checkpoint as it stores them; other precisions are made from them on the way.</summary>
/// <param name="checkpoint">The weights.</param>
/// <param name="shape">Sizes.</param>
/// <param name="placesOf">Where (MoE layer, expert) lies.</param>
internal sealed class CheckpointExperts(Checkpoint checkpoint, ModelShape shape, Func<int, int, ExpertPlaces> placesOf) : IExpertSource
{
    /// <summary>The one floating-point type of all experts; else <see cref="Precision.Stored"/>.</summary>
    public Precision StoredPrecision { get; } = CommonPrecision(checkpoint, shape, placesOf);

    public long StoredBytes(int layer, int expert)
    {
        var places = placesOf(layer, expert);
        return places.Matrices.Sum(BytesOf) + places.BiasBytes;
    }

    public ExpertWeights Get(int layer, int expert, Precision precision)
    {
        var places = placesOf(layer, expert);
        return new ExpertWeights(places.Gate is { } gate ? Matrix(gate, precision) : null, Matrix(places.Up, precision), Matrix(places.Down, precision))
        {
            Biases = places.ReadBiases(checkpoint),
        };
    }

    private static Precision CommonPrecision(Checkpoint checkpoint, ModelShape shape, Func<int, int, ExpertPlaces> placesOf)
    {
        var common = placesOf(0, 0).Down.PrecisionIn(checkpoint);
        for (var l = 0; l < shape.MoeLayers.Count; l++)
            for (var e = 0; e < shape.Experts; e++)
                foreach (var place in placesOf(l, e).Matrices)
                    if (place.PrecisionIn(checkpoint) != common)
                        common = Precision.Stored;
        return common;
    }

    private long BytesOf(WeightPlace place) => StoredPrecision == Precision.Stored
        ? PackedMatrix.BytesFor(place.FormatIn(checkpoint) ?? FloatFormat.Of(place.PrecisionIn(checkpoint)), place.Outputs, place.Inputs)
        : PackedMatrix.BytesFor(StoredPrecision, place.Outputs, place.Inputs);

    private QuantizedMatrix Matrix(WeightPlace place, Precision precision)
    {
        var stored = place.Read(checkpoint);
        if (precision == Precision.Stored && StoredPrecision == Precision.Stored)
            return stored.AsStored();
        return stored.Precision == precision ? stored : Quantizer.Quantize(Quantizer.Dequantize(stored), stored.Outputs, stored.Inputs, precision);
    }
}
