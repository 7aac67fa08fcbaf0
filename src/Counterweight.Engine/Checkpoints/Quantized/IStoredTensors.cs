using Counterweight.Engine.Experts;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>
/// The matrices that a checkpoint holds in formats of its own. They are asked for by the place that ordinary weights would have; which tensors stand there
/// instead is for the implementation to know.
/// </summary>
internal interface IStoredTensors
{
    /// <summary>Those of these matrices that are not part of a stack, each where an ordinary tensor would have it.</summary>
    IReadOnlyCollection<WeightPlace> Matrices { get; }

    /// <summary>The format of a matrix; null if an ordinary tensor holds it, or none.</summary>
    /// <exception cref="Balancing.InvalidInputException">Tensors of the format are missing or do not fit each other: names tensor, found and expected.</exception>
    StoredFormat? FormatOf(WeightPlace place);

    /// <summary>All bytes of a matrix, as the format wants them; not copied where they lie so in the file. Called by several workers at once.</summary>
    /// <param name="place">The matrix.</param>
    /// <param name="format">What <see cref="FormatOf"/> said.</param>
    ReadOnlyMemory<byte> Read(WeightPlace place, StoredFormat format);

    /// <summary>The tensors that stand for an ordinary one; empty if none do.</summary>
    /// <param name="tensor">Name of the ordinary tensor.</param>
    IReadOnlyList<string> TensorsOf(string tensor);
}
