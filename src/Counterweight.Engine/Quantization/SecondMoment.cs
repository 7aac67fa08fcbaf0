using System.Globalization;
using System.Numerics.Tensors;
using Counterweight.Balancing;

namespace Counterweight.Engine.Quantization;

/// <summary>
/// The second moment H = Σ x·xᵀ of a matrix's inputs, damped, with the factor that error compensation needs: the upper Cholesky factor U
/// of H⁻¹ = UᵀU (Frantar et al. 2022, "GPTQ", algorithm 1).
/// </summary>
internal sealed class SecondMoment
{
    /// <summary>Added to the diagonal, as a share of its mean; the value of the paper.</summary>
    private const double Damping = 0.01;

    private SecondMoment(int size, float[] values, float[] factor)
    {
        Size = size;
        Values = values;
        Factor = factor;
        Diagonal = new float[size];
        for (var i = 0; i < size; i++)
            Diagonal[i] = values[i * size + i];
    }

    public int Size { get; }

    /// <summary>H, damped, [size, size].</summary>
    public float[] Values { get; }

    /// <summary>Its diagonal, [size].</summary>
    public float[] Diagonal { get; }

    /// <summary>U, [size, size], zeros below the diagonal.</summary>
    public float[] Factor { get; }

    /// <summary>A row of H, which is a column too.</summary>
    public ReadOnlySpan<float> Row(int row) => Values.AsSpan(row * Size, Size);

    /// <summary>Null where nothing was seen: then there is nothing to compensate for.</summary>
    /// <param name="moment">Σ x·xᵀ, symmetric, [size, size].</param>
    /// <param name="size">Inputs of the matrix.</param>
    /// <exception cref="InvalidInputException">The activations were not finite, or this is no second moment.</exception>
    public static SecondMoment? Of(ReadOnlySpan<float> moment, int size)
    {
        double trace = 0;
        for (var i = 0; i < size; i++)
            trace += moment[i * size + i];
        if (!double.IsFinite(trace))
            throw Refuse($"trace {trace.ToString(CultureInfo.InvariantCulture)}", "finite activations");
        if (trace <= 0)
            return null;
        var damped = new double[size * size];
        for (var i = 0; i < damped.Length; i++)
            damped[i] = moment[i];
        for (var i = 0; i < size; i++)
            damped[i * size + i] += Damping * trace / size;
        var lower = CholeskyLower(damped, size);
        var inverse = InverseFromLower(lower, size);
        return new SecondMoment(size, Array.ConvertAll(damped, v => (float)v), UpperFactor(inverse, size));
    }

    /// <summary>L with A = L·Lᵀ.</summary>
    private static double[] CholeskyLower(double[] a, int n)
    {
        var l = new double[n * n];
        for (var i = 0; i < n; i++)
            for (var j = 0; j <= i; j++)
            {
                var sum = a[i * n + j] - Dot(l.AsSpan(i * n, j), l.AsSpan(j * n, j));
                if (i == j && !(sum > 0))
                    throw Refuse($"pivot {sum.ToString(CultureInfo.InvariantCulture)} in row {i}", "a positive definite matrix");
                l[i * n + j] = i == j ? Math.Sqrt(sum) : sum / l[j * n + j];
            }
        return l;
    }

    /// <summary>A⁻¹ = L⁻ᵀ·L⁻¹.</summary>
    private static double[] InverseFromLower(double[] l, int n)
    {
        // Rows of (L⁻¹)ᵀ, so that both products below run along rows.
        var t = new double[n * n];
        for (var column = 0; column < n; column++)
            for (var i = column; i < n; i++)
            {
                var sum = (i == column ? 1.0 : 0.0) - Dot(l.AsSpan(i * n + column, i - column), t.AsSpan(column * n + column, i - column));
                t[column * n + i] = sum / l[i * n + i];
            }
        var inverse = new double[n * n];
        for (var i = 0; i < n; i++)
            for (var j = 0; j <= i; j++)
                inverse[i * n + j] = inverse[j * n + i] = Dot(t.AsSpan(i * n + i, n - i), t.AsSpan(j * n + i, n - i));
        return inverse;
    }

    /// <summary>U with A = Uᵀ·U.</summary>
    private static float[] UpperFactor(double[] a, int n)
    {
        var lower = CholeskyLower(a, n);
        var upper = new float[n * n];
        for (var i = 0; i < n; i++)
            for (var j = 0; j <= i; j++)
                upper[j * n + i] = (float)lower[i * n + j];
        return upper;
    }

    private static InvalidInputException Refuse(string found, string expected) => new("second moment of the activations", found, expected);

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b) => TensorPrimitives.Dot(a, b);
}
