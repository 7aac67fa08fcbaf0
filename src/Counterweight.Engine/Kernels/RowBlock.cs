namespace Counterweight.Engine.Kernels;

/// <summary>Rows of activations x [count, inputs] and of results y [count, outputs], with floats from row to row.</summary>
internal readonly unsafe struct RowBlock(float* x, nint xStride, float* y, nint yStride, int count)
{
    public readonly int Count = count;

    public float* X(int row) => x + row * xStride;

    public float* Y(int row) => y + row * yStride;

    /// <summary>
    /// Row <paramref name="row"/>, or the last one where there are fewer: a tile that hangs over the end computes its last row again
    /// and stores the same bits to the same place.
    /// </summary>
    public float* ClampedX(int row) => X(Math.Min(row, Count - 1));

    /// <summary>The place of <see cref="ClampedX"/>'s results.</summary>
    public float* ClampedY(int row) => Y(Math.Min(row, Count - 1));

    /// <summary>The same rows, results from a later output on.</summary>
    public RowBlock FromOutput(int output) => new(x, xStride, y + output, yStride, Count);

    /// <summary>The same rows, sums from a later input on.</summary>
    public RowBlock FromInput(int input) => new(x + input, xStride, y, yStride, Count);

    /// <summary>Some of the rows, with their results elsewhere.</summary>
    public RowBlock Into(float* results, nint stride, int first, int length) => new(X(first), xStride, results, stride, length);
}
