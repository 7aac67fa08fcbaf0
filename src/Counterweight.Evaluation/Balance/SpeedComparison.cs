using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Evaluation.Balance;

/// <summary>
/// Speed before and after, taken in turns: a machine that is busy with other things slows both alike. Medians over the rounds.
/// </summary>
internal sealed class SpeedComparison(MoeModel model, Plan plan, IExpertSource experts, string split)
{
    private const int Rounds = 5;
    private const int PromptTokens = 256;
    private const int DecodeSequences = 8;
    private const int DecodeTokens = 24;
    private const int DecodePromptTokens = 64;

    /// <summary>The figures with their speeds. The model is left under the plan.</summary>
    public (ModelFigures Before, ModelFigures After) AddTo(ModelFigures before, ModelFigures after, CancellationToken cancellation)
    {
        var (original, planned) = (new List<Speed>(), new List<Speed>());
        for (var round = 0; round < Rounds; round++)
        {
            cancellation.ThrowIfCancellationRequested();
            original.Add(Measure(model.OriginalLayers(), model.OriginalExperts));
            planned.Add(Measure(plan.Layers, experts));
        }
        return (With(before, original), With(after, planned));
    }

    private Speed Measure(IReadOnlyList<LayerPlan> layers, IExpertSource source)
    {
        model.LoadExperts(layers, source, () => SplitPolicies.Create(split));
        var probe = new SpeedProbe(model);
        var prompt = Math.Min(PromptTokens, model.Shape.MaxPositions / 2);
        return new Speed(probe.Prefill(prompt, runs: 1)[0], probe.Decode(DecodeSequences, DecodeTokens, Math.Min(DecodePromptTokens, prompt), runs: 1)[0]);
    }

    private static ModelFigures With(ModelFigures figures, List<Speed> speeds) => figures with
    {
        PrefillTokensPerSecond = Median(speeds.Select(speed => speed.Prefill)),
        DecodeTokensPerSecond = Median(speeds.Select(speed => speed.Decode)),
    };

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);

    private readonly record struct Speed(double Prefill, double Decode);
}
