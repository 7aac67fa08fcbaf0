using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies.Budget;

/// <summary>Spends bytes that are left over on better precisions: always the copy that saves most loss for its bytes.</summary>
internal static class PrecisionUpgrades
{
    public static void Spend(List<ExpertCopy>[] layers, Precision[] precisions, ExpertCosts costs, PrecisionLoss loss, long bytes)
    {
        while (FindBest(layers, precisions, costs, loss, bytes) is var (layer, slot, precision))
        {
            var (expert, former) = layers[layer][slot];
            bytes -= costs.Of(layer, expert, precision) - costs.Of(layer, expert, former);
            layers[layer][slot] = new ExpertCopy(expert, precision);
        }
    }

    private static (int Layer, int Slot, Precision Precision)? FindBest(
        List<ExpertCopy>[] layers, Precision[] precisions, ExpertCosts costs, PrecisionLoss loss, long bytes)
    {
        (int, int, Precision)? best = null;
        double bestRatio = 0;
        for (var l = 0; l < layers.Length; l++)
            for (int s = 0, rank = 0; s < layers[l].Count; s++)
            {
                var (expert, now) = layers[l][s];
                rank = s > 0 && layers[l][s - 1].Expert == expert ? rank + 1 : 0;
                var copies = CountFrom(layers[l], s - rank);
                foreach (var precision in precisions)
                {
                    var extra = costs.Of(l, expert, precision) - costs.Of(l, expert, now);
                    if (extra <= 0 || extra > bytes)
                        continue;
                    var saved = loss.Share(l, expert, rank, copies) * (loss.Of(l, expert, now) - loss.Of(l, expert, precision));
                    if (saved / extra > bestRatio)
                        (best, bestRatio) = ((l, s, precision), saved / extra);
                }
            }
        return best;
    }

    private static int CountFrom(List<ExpertCopy> copies, int first)
    {
        var end = first + 1;
        while (end < copies.Count && copies[end].Expert == copies[first].Expert)
            end++;
        return end - first;
    }
}
