using Counterweight.Balancing.Loads;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Balance;

/// <summary>What reached the experts, pass by pass.</summary>
internal sealed class MeasuredTraffic(IReadOnlyList<LoadRecorder> passes)
{
    private long[][]? _slots;

    public IReadOnlyList<LoadRecorder> Passes => passes;

    /// <summary>Loads of logical experts, a window for each pass.</summary>
    public IReadOnlyList<ExpertLoads> Windows { get; } = [.. passes.Select(pass => pass.Total())];

    /// <summary>Tokens of each slot over all passes, [MoE layers][slots].</summary>
    public long[][] Slots => _slots ??= AddUp();

    /// <summary>Mean over layers of the busiest slot of other traffic over the busiest slot here; layers without any tokens are left out.</summary>
    public double StragglerRatio(MeasuredTraffic before) =>
        before.Slots.Zip(Slots).Where(layer => layer.Second.Max() > 0).Average(layer => (double)layer.First.Max() / layer.Second.Max());

    private long[][] AddUp()
    {
        var sum = Enumerable.Range(0, passes[0].Prefill.Layers).Select(layer => new long[passes[0].Slots(layer).Length]).ToArray();
        foreach (var pass in passes)
            for (var l = 0; l < sum.Length; l++)
                for (var s = 0; s < sum[l].Length; s++)
                    sum[l][s] += pass.Slots(l)[s];
        return sum;
    }
}

/// <summary>Records what reaches the experts of a model from its creation until it is disposed of.</summary>
internal sealed class TrafficMeter : IDisposable
{
    private readonly MoeModel _model;
    private readonly List<LoadRecorder> _passes = [];

    public TrafficMeter(MoeModel model)
    {
        _model = model;
        _model.Recorder = new LoadRecorder(model.Banks);
    }

    /// <summary>The passes that have ended.</summary>
    public MeasuredTraffic Traffic => new([.. _passes]);

    /// <summary>To be told after every pass.</summary>
    public void PassDone()
    {
        _passes.Add(_model.Recorder!);
        _model.Recorder = new LoadRecorder(_model.Banks);
    }

    public void Dispose() => _model.Recorder = null;
}
