using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Quantization;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Quantization;

public class ErrorCompensatedQuantizerTests
{
    private static readonly IntegerGrid[] Grids = [IntegerGrid.Int4, IntegerGrid.Int8];

    [Theory]
    [InlineData("model.layers.0.mlp.experts.3.gate_proj.weight")]
    [InlineData("model.layers.5.mlp.experts.17.down_proj.weight")]
    public void Correlated_activations_cost_much_less_than_with_rounding_to_nearest(string name)
    {
        using var checkpoint = Checkpoint.Open(Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe"));
        var tensor = checkpoint.Get(name);
        int outputs = (int)tensor.Shape[0], inputs = (int)tensor.Shape[1];
        var weights = tensor.ToFloats();
        var mixing = new Random(3);
        var mix = Normal(mixing, inputs * inputs);
        var seen = Correlated(mixing, mix, inputs, 600);
        var other = Correlated(mixing, mix, inputs, 600);
        var moment = SecondMoment.Of(MomentOf(seen, inputs), inputs)!;
        foreach (var grid in Grids)
        {
            var nearest = Quantizer.Quantize(weights, outputs, inputs, grid.Precision);
            var compensated = ErrorCompensatedQuantizer.Quantize(weights, outputs, moment, grid);
            Assert.InRange(OutputError(weights, compensated, seen) / OutputError(weights, nearest, seen), 0, 0.6);
            Assert.InRange(OutputError(weights, compensated, other) / OutputError(weights, nearest, other), 0, 0.8);
        }
    }

    [Fact]
    public void Polishing_beats_the_published_algorithm_alone()
    {
        const int Outputs = 24, Inputs = 96;
        var random = new Random(5);
        var weights = Normal(random, Outputs * Inputs);
        var x = Correlated(random, Normal(random, Inputs * Inputs), Inputs, 300);
        var moment = SecondMoment.Of(MomentOf(x, Inputs), Inputs)!;
        foreach (var grid in Grids)
        {
            var polished = ErrorCompensatedQuantizer.Quantize(weights, Outputs, moment, grid);
            var published = PublishedAlgorithm(weights, Outputs, moment, grid);
            Assert.InRange(OutputError(weights, polished, x) / OutputError(weights, published, x), 0, 0.97);
        }
    }

    [Theory]
    [InlineData(1, 45)]
    [InlineData(5, 32)]
    [InlineData(40, 33)]
    public void Odd_shapes_few_tokens_and_dead_inputs_give_finite_codes_of_the_right_shape(int tokens, int inputs)
    {
        const int Outputs = 7;
        var random = new Random(tokens);
        var weights = Normal(random, Outputs * inputs);
        var x = Normal(random, tokens * inputs);
        for (var t = 0; t < tokens; t++)
            x[t * inputs + 3] = 0;
        var moment = SecondMoment.Of(MomentOf(x, inputs), inputs)!;
        foreach (var grid in Grids)
        {
            var matrix = ErrorCompensatedQuantizer.Quantize(weights, Outputs, moment, grid);
            Assert.Equal((grid.Precision, Outputs, inputs), (matrix.Precision, matrix.Outputs, matrix.Inputs));
            Assert.Equal(Outputs * (grid.Precision == Precision.Int4 ? (inputs + 1) / 2 : inputs), matrix.Codes.Length);
            var nearest = Quantizer.Quantize(weights, Outputs, inputs, grid.Precision);
            Assert.InRange(OutputError(weights, matrix, x), 0, OutputError(weights, nearest, x));
        }
    }

    [Fact]
    public void The_same_input_gives_the_same_codes()
    {
        var random = new Random(8);
        var weights = Normal(random, 6 * 64);
        var moment = SecondMoment.Of(MomentOf(Normal(random, 50 * 64), 64), 64)!;
        foreach (var grid in Grids)
        {
            var once = ErrorCompensatedQuantizer.Quantize(weights, 6, moment, grid);
            var again = ErrorCompensatedQuantizer.Quantize(weights, 6, moment, grid);
            Assert.Equal(once.Codes.ToArray(), again.Codes.ToArray());
            Assert.Equal(once.Scales, again.Scales);
        }
    }

    [Fact]
    public void A_weight_that_is_no_number_is_refused_by_row_and_column()
    {
        var weights = new float[3 * 8];
        weights[2 * 8 + 1] = float.NaN;
        var moment = SecondMoment.Of(MomentOf(Normal(new Random(1), 80), 8), 8)!;
        var refused = Assert.Throws<InvalidInputException>(() => ErrorCompensatedQuantizer.Quantize(weights, 3, moment, IntegerGrid.Int4));
        Assert.Equal("weight [2, 1]", refused.Where);
    }

    internal static float[] Normal(Random random, int count)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }

    /// <summary>Rows whose columns share a few strong directions, as hidden states do.</summary>
    private static float[] Correlated(Random random, float[] mix, int inputs, int rows)
    {
        var z = Normal(random, rows * inputs);
        var x = new float[rows * inputs];
        for (var r = 0; r < rows; r++)
            for (var i = 0; i < inputs; i++)
                for (var k = 0; k < inputs; k++)
                    x[r * inputs + i] += z[r * inputs + k] * mix[k * inputs + i] / (1 + k);
        return x;
    }

    internal static float[] MomentOf(float[] x, int inputs)
    {
        var moment = new float[inputs * inputs];
        for (var r = 0; r < x.Length; r += inputs)
            for (var i = 0; i < inputs; i++)
                for (var j = 0; j < inputs; j++)
                    moment[i * inputs + j] += x[r + i] * x[r + j];
        return moment;
    }

    /// <summary>Σ over rows and outputs of ((w − q)·x)².</summary>
    private static double OutputError(float[] weights, QuantizedMatrix quantized, float[] x)
    {
        var values = Quantizer.Dequantize(quantized);
        var inputs = quantized.Inputs;
        double sum = 0;
        for (var r = 0; r < x.Length; r += inputs)
            for (var o = 0; o < quantized.Outputs; o++)
            {
                double error = 0;
                for (var i = 0; i < inputs; i++)
                    error += ((double)weights[o * inputs + i] - values[o * inputs + i]) * x[r + i];
                sum += error * error;
            }
        return sum;
    }

    /// <summary>Algorithm 1 of Frantar et al. (2022) word for word, in double and without blocks.</summary>
    private static QuantizedMatrix PublishedAlgorithm(float[] weights, int outputs, SecondMoment moment, IntegerGrid grid)
    {
        var inputs = moment.Size;
        var codes = new IntegerCodes(outputs, inputs, grid);
        for (var row = 0; row < outputs; row++)
        {
            var free = weights.Skip(row * inputs).Take(inputs).Select(weight => (double)weight).ToArray();
            for (var i = 0; i < inputs; i++)
            {
                var group = grid.Group >= inputs ? 0 : i / grid.Group;
                var (begin, end) = grid.Bounds(group, inputs);
                if (i == begin)
                {
                    var values = free[begin..end].Select(weight => (float)weight).ToArray();
                    codes.Scale(row, group) = grid.FitScale(values, moment.Diagonal.AsSpan(begin, end - begin));
                }
                var scale = codes.Scale(row, group);
                codes.Row(row)[i] = grid.Code((float)free[i], scale);
                var error = (free[i] - (double)codes.Row(row)[i] * scale) / moment.Factor[i * inputs + i];
                for (var j = i; j < inputs; j++)
                    free[j] -= error * moment.Factor[i * inputs + j];
            }
        }
        return codes.ToMatrix();
    }
}
