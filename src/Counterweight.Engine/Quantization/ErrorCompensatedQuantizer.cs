using System.Numerics.Tensors;

namespace Counterweight.Engine.Quantization;

/// <summary>
/// GPTQ (Frantar et al. 2022): weights go onto the grid one input after another, and what each rounding breaks is repaired in the inputs
/// that are still free, as the second moment of the activations tells. Then codes and scales are polished by coordinate descent on the
/// same objective, (w − q)ᵀH(w − q). Inputs keep their order: ranking them by activation gained nothing once polished.
/// </summary>
internal static class ErrorCompensatedQuantizer
{
    /// <summary>Sweeps of coordinate descent; two more change the error by 1 %.</summary>
    private const int Sweeps = 2;

    /// <summary>Quantizes [outputs, inputs] weights for inputs with that second moment.</summary>
    /// <exception cref="Balancing.InvalidInputException">A weight is NaN or infinite.</exception>
    public static QuantizedMatrix Quantize(ReadOnlySpan<float> weights, int outputs, SecondMoment moment, IntegerGrid grid)
    {
        var inputs = moment.Size;
        Quantizer.CheckFinite(weights, inputs);
        var codes = new IntegerCodes(outputs, inputs, grid);
        var row = new RowState(codes, moment, grid);
        for (var output = 0; output < outputs; output++)
        {
            row.Start(output, weights.Slice(output * inputs, inputs));
            row.RoundWithCompensation();
            row.FindGradient();
            for (var sweep = 0; sweep < Sweeps; sweep++)
            {
                if (!grid.HasFixedScale)
                    row.RefitScales();
                row.ImproveCodes();
            }
        }
        return codes.ToMatrix();
    }

    /// <summary>One row while it is quantized.</summary>
    private sealed class RowState(IntegerCodes all, SecondMoment moment, IntegerGrid grid)
    {
        private readonly int _inputs = moment.Size;
        private readonly int _groups = grid.Groups(moment.Size);
        private readonly float[] _original = new float[moment.Size];
        private readonly float[] _scratch = new float[moment.Size];
        private readonly float[] _gradient = new float[moment.Size]; // H·(w − q)
        private int _row;

        public void Start(int row, ReadOnlySpan<float> weights)
        {
            _row = row;
            weights.CopyTo(_original);
        }

        public void RoundWithCompensation()
        {
            var free = _scratch.AsSpan();
            _original.CopyTo(free);
            var codes = all.Row(_row);
            for (var group = 0; group < _groups; group++)
            {
                var (begin, end) = grid.Bounds(group, _inputs);
                var scale = all.Scale(_row, group) = grid.FitScale(free[begin..end], moment.Diagonal.AsSpan(begin, end - begin));
                for (var i = begin; i < end; i++)
                {
                    codes[i] = grid.Code(free[i], scale);
                    var factor = moment.Factor.AsSpan(i * _inputs, _inputs);
                    var error = (free[i] - codes[i] * scale) / factor[i];
                    TensorPrimitives.MultiplyAdd(factor[(i + 1)..], -error, free[(i + 1)..], free[(i + 1)..]);
                }
            }
        }

        public void FindGradient()
        {
            var codes = all.Row(_row);
            var residual = _scratch;
            for (var group = 0; group < _groups; group++)
            {
                var (begin, end) = grid.Bounds(group, _inputs);
                for (var i = begin; i < end; i++)
                    residual[i] = _original[i] - codes[i] * all.Scale(_row, group);
            }
            for (var i = 0; i < _inputs; i++)
                _gradient[i] = TensorPrimitives.Dot<float>(moment.Row(i), residual);
        }

        /// <summary>The scale of each group that is best under H with all codes and the other scales fixed.</summary>
        public void RefitScales()
        {
            var codes = all.Row(_row);
            for (var group = 0; group < _groups; group++)
            {
                var (begin, end) = grid.Bounds(group, _inputs);
                var product = _scratch.AsSpan(); // H·code over the group
                product.Clear();
                double slope = 0, curvature = 0;
                for (var i = begin; i < end; i++)
                {
                    TensorPrimitives.MultiplyAdd(moment.Row(i), codes[i], product, product);
                    slope += (double)codes[i] * _gradient[i];
                }
                for (var i = begin; i < end; i++)
                    curvature += (double)codes[i] * product[i];
                if (curvature <= 0)
                    continue;
                ref var scale = ref all.Scale(_row, group);
                var former = scale;
                scale = BFloat16.Nearest((float)(former + slope / curvature));
                TensorPrimitives.MultiplyAdd(product, former - scale, _gradient, _gradient);
            }
        }

        /// <summary>Moves each code to where the objective is least with all others fixed.</summary>
        public void ImproveCodes()
        {
            var codes = all.Row(_row);
            for (var group = 0; group < _groups; group++)
            {
                var (begin, end) = grid.Bounds(group, _inputs);
                var scale = all.Scale(_row, group);
                for (var i = begin; i < end && scale != 0; i++)
                {
                    var better = Math.Clamp(codes[i] + (int)MathF.Round(_gradient[i] / (scale * moment.Diagonal[i])), grid.Min, grid.Max);
                    if (better == codes[i])
                        continue;
                    TensorPrimitives.MultiplyAdd(moment.Row(i), (codes[i] - better) * scale, _gradient, _gradient);
                    codes[i] = better;
                }
            }
        }
    }
}
