using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies.Budget;

/// <summary>The precisions that minimise loss + price · bytes for a number of copies of one expert, and what they come to.</summary>
internal readonly record struct CopyCost(double Loss, long Bytes, double Price)
{
    /// <summary>Loss + price · bytes: never less with one copy more.</summary>
    public double Total => Loss + Price * Bytes;
}

/// <summary>
/// Chooses precisions for the copies of an expert at a price of memory (nats per token and byte). Copies are independent: the copy of
/// rank j serves a known share of the gate weight, whatever the precisions of the others.
/// </summary>
internal sealed class CopyCosts(Precision[] precisions, ExpertCosts costs, PrecisionLoss loss, double price)
{
    public CopyCost Of(int layer, int expert, int copies)
    {
        var cost = new CopyCost(0, 0, price);
        for (var rank = 0; rank < copies; rank++)
        {
            var (precision, share) = (PrecisionOf(layer, expert, rank, copies), loss.Share(layer, expert, rank, copies));
            cost = cost with { Loss = cost.Loss + share * loss.Of(layer, expert, precision), Bytes = cost.Bytes + costs.Of(layer, expert, precision) };
        }
        return cost;
    }

    public Precision PrecisionOf(int layer, int expert, int rank, int copies)
    {
        var share = loss.Share(layer, expert, rank, copies);
        var (best, least, leastBytes) = (precisions[0], double.PositiveInfinity, long.MaxValue);
        foreach (var precision in precisions)
        {
            var bytes = costs.Of(layer, expert, precision);
            var total = share * loss.Of(layer, expert, precision) + price * bytes;
            if (total < least || (total == least && bytes < leastBytes))
                (best, least, leastBytes) = (precision, total, bytes);
        }
        return best;
    }
}
