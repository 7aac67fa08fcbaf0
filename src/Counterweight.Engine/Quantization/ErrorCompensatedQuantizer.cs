using System.Numerics.Tensors;

namespace Counterweight.Engine.Quantization;

/// <summary>
/// GPTQ (Frantar et al. 2022): weights go onto the grid one input after another, and what each rounding breaks is repaired in the inputs
/// that are still free, as the second moment of the activations tells. Then codes and scales are polished by coordinate descent on the
/// same objective, (w − q)ᵀH(w − q).
/// </summary>
internal static class ErrorCompensatedQuantizer
{
    /// <summary>Sweeps of coordinate descent; a third one changes less than 0.5 % of the error.</summary>
    private const int Sweeps = 2;

    /// <summary>Quantizes [outputs, inputs] weights for inputs with that second moment.</summary>
    public static QuantizedMatrix Quantize(ReadOnlySpan<float> weights, int outputs, SecondMoment moment, IntegerGrid grid)
    {
        var inputs = moment.Size;
        Quantizer.CheckFinite(weights, inputs);
        var codes = new IntegerCodes(outputs, inputs, grid);
        var free = new float[inputs];
        var residual = new float[inputs];
        var gradient = new float[inputs];
        for (var row = 0; row < outputs; row++)
        {
            var original = weights.Slice(row * inputs, inputs);
            original.CopyTo(free);
            RoundWithCompensation(free, row, codes, moment, grid);
            for (var sweep = 0; sweep < Sweeps; sweep++)
            {
                FindResidual(original, row, codes, residual, gradient, moment);
                RefitScales(row, codes, residual, gradient, moment, grid);
                FindResidual(original, row, codes, residual, gradient, moment);
                ImproveCodes(row, codes, gradient, moment, grid);
            }
        }
        return codes.ToMatrix();
    }

    private static void RoundWithCompensation(float[] free, int row, IntegerCodes codes, SecondMoment moment, IntegerGrid grid)
    {
        var inputs = moment.Size;
        for (var group = 0; group < grid.Groups(inputs); group++)
        {
            var (begin, end) = grid.Bounds(group, inputs);
            var scale = grid.FitScale(free.AsSpan(begin, end - begin), moment.Diagonal.AsSpan(begin, end - begin));
            codes.SetScale(row, group, scale);
            for (var i = begin; i < end; i++)
            {
                var code = grid.Code(free[i], scale);
                codes.Codes[row * inputs + i] = code;
                var factor = moment.Factor.AsSpan(i * inputs, inputs);
                var error = (free[i] - code * scale) / factor[i];
                var rest = free.AsSpan(i + 1);
                TensorPrimitives.MultiplyAdd(factor[(i + 1)..], -error, rest, rest);
            }
        }
    }

    /// <summary>residual = w − q, gradient = H·residual.</summary>
    private static void FindResidual(ReadOnlySpan<float> original, int row, IntegerCodes codes, float[] residual, float[] gradient, SecondMoment moment)
    {
        var inputs = moment.Size;
        for (var i = 0; i < inputs; i++)
            residual[i] = original[i] - codes.Codes[row * inputs + i] * codes.Scale(row, i);
        for (var i = 0; i < inputs; i++)
            gradient[i] = TensorPrimitives.Dot<float>(moment.Values.AsSpan(i * inputs, inputs), residual);
    }

    /// <summary>Least-squares scale of each group under H with the codes fixed; int8 keeps its scale, which must clip nothing.</summary>
    private static void RefitScales(int row, IntegerCodes codes, float[] residual, float[] gradient, SecondMoment moment, IntegerGrid grid)
    {
        if (grid == IntegerGrid.Int8)
            return;
        var inputs = moment.Size;
        Span<float> group = stackalloc float[grid.Group];
        for (var g = 0; g < grid.Groups(inputs); g++)
        {
            var (begin, end) = grid.Bounds(g, inputs);
            var q = group[..(end - begin)];
            for (var i = begin; i < end; i++)
                q[i - begin] = codes.Codes[row * inputs + i];
            // d/ds of the objective at s: moving the scale by δ moves q by δ·code in this group.
            var slope = TensorPrimitives.Dot(q, gradient.AsSpan(begin, end - begin));
            var curvature = 0f;
            for (var i = begin; i < end; i++)
                curvature += q[i - begin] * TensorPrimitives.Dot(moment.Values.AsSpan(i * inputs + begin, end - begin), q);
            if (curvature <= 0)
                continue;
            var former = codes.Scale(row, begin);
            var scale = BFloat16Bits.Nearest(former + slope / curvature);
            codes.SetScale(row, g, scale);
            // Groups are refitted one after another, so the next one has to see this one's move.
            for (var i = 0; i < inputs; i++)
                gradient[i] -= (scale - former) * TensorPrimitives.Dot(moment.Values.AsSpan(i * inputs + begin, end - begin), q);
        }
    }

    /// <summary>Moves each code to where the objective is least with all others fixed.</summary>
    private static void ImproveCodes(int row, IntegerCodes codes, float[] gradient, SecondMoment moment, IntegerGrid grid)
    {
        var inputs = moment.Size;
        for (var i = 0; i < inputs; i++)
        {
            var scale = codes.Scale(row, i);
            if (scale == 0)
                continue;
            ref var code = ref codes.Codes[row * inputs + i];
            var step = Math.Clamp(code + (int)MathF.Round(gradient[i] / (scale * moment.Diagonal[i])), grid.Min, grid.Max) - code;
            if (step == 0)
                continue;
            code += step;
            TensorPrimitives.MultiplyAdd(moment.Values.AsSpan(i * inputs, inputs), -step * scale, gradient, gradient);
        }
    }
}
