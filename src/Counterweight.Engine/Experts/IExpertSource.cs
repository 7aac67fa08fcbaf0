using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Experts;

/// <summary>Where the weights of experts come from: a checkpoint, a set of quantized experts, a balanced checkpoint.</summary>
public interface IExpertSource
{
    /// <summary>The precision that the checkpoint stores experts in.</summary>
    Precision StoredPrecision { get; }

    /// <summary>Bytes of an expert in <see cref="StoredPrecision"/> when packed; 0 where the source has none.</summary>
    long StoredBytes(int layer, int expert);

    /// <summary>The weights of an expert. Called by several workers at once.</summary>
    /// <param name="layer">MoE layer, dense layers not counted.</param>
    /// <param name="expert">Logical expert.</param>
    /// <param name="precision">The precision wanted.</param>
    /// <exception cref="Balancing.InvalidInputException">The source has no such weights.</exception>
    ExpertWeights Get(int layer, int expert, Precision precision);
}
