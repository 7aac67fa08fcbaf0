using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Experts;
using Counterweight.Evaluation.Routing;
using Counterweight.Evaluation.Studies;

namespace Counterweight.Evaluation.Tests.Studies;

public sealed class RoutingTests(PocketModel pocket) : IClassFixture<PocketModel>
{
    private static readonly TokenText Text = new("numbers", [[.. Enumerable.Range(20, 90)], [.. Enumerable.Range(1000, 41)], [7]]);

    [Fact]
    public void Routed_tokens_are_the_recorded_loads()
    {
        var model = pocket.Model.Model;
        var routed = RoutedSequences.Of(model, Text.Sequences);
        var recorded = new Calibrator(model, new CalibrationOptions()).RecordLoads([Text])[0].Total;
        var counted = new ExpertLoads(routed.Layers, routed.Experts);
        for (var layer = 0; layer < routed.Layers; layer++)
            for (var s = 0; s < routed.Sequences; s++)
                for (var token = 0; token < routed.Length(layer, s); token++)
                    foreach (var expert in routed.Of(layer, s, token))
                        counted[layer][expert]++;
        for (var layer = 0; layer < routed.Layers; layer++)
            Assert.Equal(recorded[layer].ToArray(), counted[layer].ToArray());
    }

    [Fact]
    public void A_removed_expert_is_one_whose_weights_give_zero()
    {
        var model = pocket.Model.Model;
        var text = new TextLoss(model.Shape, [Text]);
        using var scorer = new ModelScorer(model);
        var whole = text.Measure(scorer, default);
        int[] removed = [3, -1, 17, -1, -1, 0];
        var without = TextLoss.Without(model, removed, () => text.Measure(scorer, default));
        Assert.NotEqual(whole.Sum(sequence => sequence.Nats), without.Sum(sequence => sequence.Nats));
        try
        {
            model.LoadExperts(model.OriginalLayers(), new Zeroed(model.OriginalExperts, removed), () => SplitPolicies.Create("even"));
            Assert.Equal(text.Measure(scorer, default), without);
        }
        finally
        {
            model.LoadExperts(model.OriginalLayers(), model.OriginalExperts, () => SplitPolicies.Create("even"));
        }
        Assert.Equal(whole, text.Measure(scorer, default));
    }

    private sealed class Zeroed(IExpertSource source, int[] removed) : IExpertSource
    {
        public Precision StoredPrecision => source.StoredPrecision;

        public long StoredBytes(int layer, int expert) => source.StoredBytes(layer, expert);

        public ExpertWeights Get(int layer, int expert, Precision precision)
        {
            var weights = source.Get(layer, expert, precision);
            return removed[layer] == expert ? weights with { Down = weights.Down with { Codes = new byte[weights.Down.Codes.Length] } } : weights;
        }
    }
}
