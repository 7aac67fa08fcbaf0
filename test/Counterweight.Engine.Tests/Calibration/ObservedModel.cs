using Counterweight.Engine.Calibration;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tests.Models;

namespace Counterweight.Engine.Tests.Calibration;

/// <summary>Runs text through a model and takes down what its experts are given.</summary>
internal static class ObservedModel
{
    public static ActivationStatistics Observe(TestModel test, params int[][] sequences)
    {
        var statistics = NewStatistics(test.Model);
        test.Model.Observer = statistics;
        test.Logits(sequences);
        test.Model.Observer = null;
        return statistics;
    }

    public static ActivationStatistics NewStatistics(MoeModel model) =>
        new(model.Context.Kernel, model.Shape.MoeLayers.Count, model.Shape.Experts, model.Shape.Hidden, (_, _) => model.Shape.ExpertIntermediate);

    /// <summary>The rows that one expert is given for some text.</summary>
    public static List<SeenRow> Rows(TestModel test, int layer, int expert, params int[][] sequences)
    {
        var collector = new RowCollector(test.Model.Shape, layer, expert);
        test.Model.Observer = collector;
        test.Logits(sequences);
        test.Model.Observer = null;
        return collector.Rows;
    }

    /// <summary>One token at one expert.</summary>
    public sealed record SeenRow(float Gate, float[] Input, float[] Hidden, float[] Output);

    private sealed unsafe class RowCollector(ModelShape shape, int layer, int expert) : IExpertObserver
    {
        public List<SeenRow> Rows { get; } = [];

        public void Observe(int layer1, int expert1, in ExpertRows rows)
        {
            if ((layer1, expert1) != (layer, expert))
                return;
            for (var r = 0; r < rows.Count; r++)
                Rows.Add(new SeenRow(
                    rows.GateSpan[r],
                    new Span<float>(rows.InputRows + r * shape.Hidden, shape.Hidden).ToArray(),
                    new Span<float>(rows.HiddenRows + r * shape.ExpertIntermediate, shape.ExpertIntermediate).ToArray(),
                    new Span<float>(rows.OutputRows + r * shape.Hidden, shape.Hidden).ToArray()));
        }
    }
}
