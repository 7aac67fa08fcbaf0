namespace Counterweight.Engine.Checkpoints;

/// <summary>A tensor as a safetensors header describes it, after all checks.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="DType">The element type.</param>
/// <param name="Shape">Dimensions, row-major.</param>
/// <param name="Elements">The product of the shape.</param>
/// <param name="Begin">First byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte.</param>
internal sealed record TensorEntry(string Name, DType DType, long[] Shape, long Elements, long Begin, long End);
