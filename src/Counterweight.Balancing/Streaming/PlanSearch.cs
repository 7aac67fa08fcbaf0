using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Streaming;

/// <summary>Searches all layers for the moves from a served plan that gain most, within a bound on their number.</summary>
internal sealed class PlanSearch(Plan first, SlotCosts costs, int maxMoves)
{
    // The best precision that the first plan holds each expert in, [layers][experts].
    private readonly Precision[][] _floors = [.. first.Layers.Select(layer => Floor(layer, first.Model.Experts))];

    /// <summary>Mean over layers of the device imbalance of a plan under an estimate, even split.</summary>
    public double Imbalance(Plan plan, IExpectedLoads estimate) =>
        Enumerable.Range(0, plan.Layers.Count).Average(l => Slots(plan, l, estimate).Imbalance);

    /// <summary>The swap that the estimate asks for; null where no move is worth its cost.</summary>
    public PlanSwap? Run(Plan served, IExpectedLoads estimate)
    {
        var layers = served.Layers.Count;
        var steps = new List<SlotStep>[layers];
        var slots = new LayerSlots[layers];
        Parallel.For(0, layers, l =>
        {
            steps[l] = new LayerDescent(Slots(served, l, estimate), costs, l).Run(maxMoves);
            slots[l] = Slots(served, l, estimate);
        });
        var before = slots.Average(layer => layer.Imbalance);
        TakeBest(steps, slots);
        return Swap(served, slots, before);
    }

    // Layer by layer in the order of their gains; within a layer steps build on one another.
    private void TakeBest(List<SlotStep>[] steps, LayerSlots[] slots)
    {
        var next = new int[steps.Length];
        for (var moves = 0; ;)
        {
            var best = -1;
            for (var l = 0; l < steps.Length; l++)
                if (next[l] < steps[l].Count && moves + MovesOf(steps[l][next[l]]) <= maxMoves &&
                    (best < 0 || steps[l][next[l]].Gain > steps[best][next[best]].Gain))
                    best = l;
            if (best < 0)
                return;
            LayerDescent.Take(slots[best], steps[best][next[best]]);
            moves += MovesOf(steps[best][next[best]++]);
        }
    }

    private PlanSwap? Swap(Plan served, LayerSlots[] slots, double before)
    {
        var moves = new List<SlotMove>();
        var layers = new LayerPlan[slots.Length];
        long bytes = 0, former = 0;
        for (var l = 0; l < slots.Length; l++)
        {
            var slotsBefore = served.Layers[l].Slots;
            var changed = moves.Count;
            for (var s = 0; s < slotsBefore.Count; s++)
                if (slots[l].ExpertOf[s] is var expert && expert != slotsBefore[s].Expert)
                {
                    moves.Add(new SlotMove(l, s, expert));
                    bytes += costs.BytesOf(l, expert, slotsBefore[s].Precision);
                    former += costs.BytesOf(l, slotsBefore[s].Expert, slotsBefore[s].Precision);
                }
            layers[l] = moves.Count == changed ? served.Layers[l] : With(served.Layers[l], slots[l]);
        }
        if (moves.Count == 0)
            return null;
        var budget = served.Budget with { PlannedBytes = served.Budget.PlannedBytes + bytes - former };
        return new PlanSwap(served with { Layers = layers, Budget = budget }, moves, bytes, before, slots.Average(layer => layer.Imbalance));
    }

    private LayerSlots Slots(Plan plan, int layer, IExpectedLoads estimate) =>
        new(plan.Layers[layer].Slots, plan.Devices, _floors[layer], estimate[layer]);

    private static int MovesOf(SlotStep step) => step.Other >= 0 ? 2 : 1;

    private static LayerPlan With(LayerPlan layer, LayerSlots slots)
    {
        var experts = slots.ExpertOf.ToArray();
        return layer with { Slots = [.. layer.Slots.Select((slot, s) => slot with { Expert = experts[s] })] };
    }

    private static Precision[] Floor(LayerPlan layer, int experts)
    {
        var floor = new Precision[experts];
        Array.Fill(floor, (Precision)int.MaxValue);
        foreach (var slot in layer.Slots)
            floor[slot.Expert] = (Precision)Math.Min((int)floor[slot.Expert], (int)slot.Precision);
        return floor;
    }
}
