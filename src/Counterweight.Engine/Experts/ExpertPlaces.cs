using Counterweight.Engine.Checkpoints;

namespace Counterweight.Engine.Experts;

/// <summary>Where the weights of one expert lie in a checkpoint.</summary>
/// <param name="Gate">[intermediate, hidden]; null for experts of two matrices.</param>
/// <param name="Up">[intermediate, hidden].</param>
/// <param name="Down">[hidden, intermediate].</param>
/// <param name="Biases">Those of the three projections; null for none. They stay where they are whatever the precision.</param>
public sealed record ExpertPlaces(WeightPlace? Gate, WeightPlace Up, WeightPlace Down, (WeightPlace Gate, WeightPlace Up, WeightPlace Down)? Biases = null)
{
    /// <summary>The matrices: gate if there is one, up, down.</summary>
    public IReadOnlyList<WeightPlace> Matrices => Gate is null ? [Up, Down] : [Gate, Up, Down];

    /// <summary>Number of weights, biases not counted.</summary>
    public long Parameters => Matrices.Sum(matrix => (long)matrix.Outputs * matrix.Inputs);

    /// <summary>Bytes of the biases as floats.</summary>
    internal long BiasBytes => Biases is null ? 0 : Matrices.Sum(place => (long)place.Outputs) * sizeof(float);

    /// <summary>The biases as floats.</summary>
    internal ExpertBiases? ReadBiases(Checkpoint checkpoint) =>
        Biases is var (gate, up, down) ? new ExpertBiases(gate.ReadFloats(checkpoint), up.ReadFloats(checkpoint), down.ReadFloats(checkpoint)) : null;
}
