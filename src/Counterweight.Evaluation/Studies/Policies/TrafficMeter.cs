using Counterweight.Balancing.Loads;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Studies.Policies;

/// <summary>Loads of a stretch of evaluation.</summary>
/// <param name="Windows">Loads of logical experts, a window for each pass.</param>
/// <param name="Slots">Tokens of each slot, [MoE layers][slots].</param>
internal sealed record MeasuredTraffic(IReadOnlyList<ExpertLoads> Windows, long[][] Slots)
{
    /// <summary>Tokens of the busiest slot of each layer.</summary>
    public double[] Busiest => Array.ConvertAll(Slots, slots => (double)slots.Max());
}

/// <summary>Records what reaches the experts while a model is evaluated.</summary>
internal static class TrafficMeter
{
    public static (T Result, MeasuredTraffic Traffic) During<T>(MoeModel model, ModelScorer scorer, Func<T> work)
    {
        model.ResetSplits();
        var windows = new List<ExpertLoads>();
        var slots = model.Banks.Select(bank => new long[bank.Slots.Slots.Count]).ToArray();
        model.Recorder = new LoadRecorder(model.Banks);
        scorer.PassDone = () =>
        {
            windows.Add(model.Recorder!.Total());
            for (var l = 0; l < slots.Length; l++)
                for (var s = 0; s < slots[l].Length; s++)
                    slots[l][s] += model.Recorder.Slots(l)[s];
            model.Recorder = new LoadRecorder(model.Banks);
        };
        try
        {
            return (work(), new MeasuredTraffic(windows, slots));
        }
        finally
        {
            scorer.PassDone = null;
            model.Recorder = null;
        }
    }
}
