using Counterweight.Engine.Calibration;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Tests.Kernels;
using Counterweight.Engine.Tests.Models;

namespace Counterweight.Engine.Tests.Calibration;

public class ActivationStatisticsTests
{
    public static TheoryData<string, int, int> Shapes()
    {
        var data = new TheoryData<string, int, int>();
        foreach (var kernels in MatMulKernelFactory.Available)
            foreach (var (rows, columns) in new[] { (1, 1), (5, 20), (70, 40), (33, 100) })
                data.Add(kernels, rows, columns);
        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public unsafe void SecondMomentsMatchTheDefinition(string kernels, int rows, int columns)
    {
        var (moment, squares) = (new float[columns * columns], new double[columns]);
        var (expected, expectedSquares) = (new double[columns * columns], new double[columns]);
        for (var call = 0; call < 2; call++)
        {
            var (x, gates) = (KernelCases.Random(rows * columns, call), KernelCases.Random(rows, call + 9));
            fixed (float* pointer = x)
            {
                SecondMoments.Add(MatMulKernelFactory.Create(kernels), pointer, gates, columns, moment);
                SecondMoments.AddSquares(pointer, rows, columns, squares);
            }
            for (var r = 0; r < rows; r++)
                for (var i = 0; i < columns; i++)
                {
                    expectedSquares[i] += (double)x[r * columns + i] * x[r * columns + i];
                    for (var j = 0; j < columns; j++)
                        expected[i * columns + j] += (double)gates[r] * gates[r] * x[r * columns + i] * x[r * columns + j];
                }
        }
        Assert.All(moment.Index(), entry => Assert.Equal(expected[entry.Index], entry.Item, 1e-5));
        Assert.All(squares.Index(), entry => Assert.Equal(expectedSquares[entry.Index], entry.Item, 1e-4));
    }

    [Fact]
    public void AnExpertsStatisticsAreThoseOfItsRows()
    {
        using var test = TestModel.Open();
        int[][] sequences = [test.Tokens(90, 1), test.Tokens(50, 2)];
        var statistics = ObservedModel.Observe(test, sequences);
        var (layer, expert) = (1, 2);
        var rows = ObservedModel.Rows(test, layer, expert, sequences);
        var seen = statistics[layer, expert];
        Assert.NotEmpty(rows);
        Assert.Equal(rows.Select(row => row.Gate), seen.Gates);
        for (var i = 0; i < test.Model.Shape.Hidden; i++)
            Assert.Equal(rows.Sum(row => (double)row.Input[i] * row.Input[i]), seen.InputSquares[i], 1e-3);
        for (var i = 0; i < test.Model.Shape.ExpertIntermediate; i++)
            Assert.Equal(rows.Sum(row => (double)row.Gate * row.Gate * row.Hidden[i] * row.Hidden[0]), seen.HiddenMoment[i * test.Model.Shape.ExpertIntermediate], 1e-3);
    }

    [Fact]
    public void TheTopTokensHoldTheirShareOfTheSquaredGates()
    {
        using var test = TestModel.Open();
        var seen = ObservedModel.Observe(test, test.Tokens(200, 1))[0, 1];
        var share = seen.GateShare();
        Assert.Equal((0, 1), (share[0], Math.Round(share[8], 12)));
        var squares = seen.Gates.Select(gate => (double)gate * gate).OrderDescending().ToArray();
        Assert.Equal(squares.Take((int)Math.Round(squares.Length / 2.0)).Sum() / squares.Sum(), share[4], 1e-12);
        for (var i = 1; i < 9; i++)
            Assert.True(share[i] >= share[i - 1] && share[i] >= i / 8.0 - 1.0 / squares.Length, $"{share[i]} at {i}");
    }
}
