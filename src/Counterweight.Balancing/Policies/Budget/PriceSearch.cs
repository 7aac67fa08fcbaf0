using System.Globalization;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies.Budget;

/// <summary>Finds the highest price of memory whose plan keeps the loss limit: the higher it is, the more and the cheaper the copies.</summary>
internal sealed class PriceSearch
{
    private const double LowestPrice = 1e-9; // of the price at which every copy is as cheap as can be
    private const double Resolution = 1.0002;
    private const double CloseEnough = 0.998;
    private const int MaxCopiesOnOneDevice = 8;

    private readonly PlanRequest _request;
    private readonly Precision[] _precisions;
    private readonly PrecisionLoss _loss;
    private readonly BalanceObjective[] _objectives;
    private readonly long _maxBytes;
    private readonly int _maxCopies;

    public PriceSearch(PlanRequest request, IReadOnlyList<Precision> precisions, BudgetPolicyOptions options)
    {
        _request = request;
        _precisions = [.. precisions.Distinct().Order()];
        _loss = new PrecisionLoss(request.Costs.Original, request.Importance ?? NoImportance());
        _maxBytes = (long)(request.Budget * request.Costs.OriginalBytes(request.Model));
        var places = request.Devices > 1 ? request.Devices : MaxCopiesOnOneDevice;
        _maxCopies = options.MaxCopies > 0 ? Math.Min(options.MaxCopies, places) : places;
        _objectives = [.. Enumerable.Range(0, request.Model.MoeLayers.Count).Select(l => new BalanceObjective(
            new TrafficShares(request.Traces, l), request.Devices, options))];
    }

    /// <summary>The copies of every layer.</summary>
    /// <exception cref="InvalidInputException">Bytes or loss can't be kept even with one copy of each expert.</exception>
    public List<ExpertCopy>[] Run()
    {
        var high = CheapestPrice();
        if (Plan(high) is not { } cheapest)
            throw TooFewBytes();
        if (cheapest.Loss <= _request.MaxLoss)
            return cheapest.Copies;
        var (low, smallestLoss, best) = (high * LowestPrice, cheapest.Loss, (List<ExpertCopy>[]?)null);
        while (high > low * Resolution)
        {
            var price = Math.Sqrt(low * high);
            var plan = Plan(price);
            if (plan?.Loss > _request.MaxLoss)
                (high, smallestLoss) = (price, Math.Min(smallestLoss, plan.Value.Loss));
            else
                (low, best) = (price, plan?.Copies ?? best);
            if (plan?.Loss <= _request.MaxLoss && plan.Value.Loss >= _request.MaxLoss * CloseEnough)
                break;
        }
        // Free memory: what a limit of 0 needs where the checkpoint's own precision is among the choices.
        if (best is null && Plan(0) is { } lossless && (smallestLoss = Math.Min(smallestLoss, lossless.Loss)) <= _request.MaxLoss)
            best = lossless.Copies;
        return best ?? throw TooMuchLoss(smallestLoss);
    }

    // At this price every copy has the cheapest precision, whatever it serves.
    private double CheapestPrice()
    {
        var leastStep = long.MaxValue;
        double most = 0;
        for (var l = 0; l < _objectives.Length; l++)
            for (var e = 0; e < _request.Model.Experts; e++)
            {
                leastStep = Math.Min(leastStep, LeastStep(l, e));
                foreach (var precision in _precisions)
                    most = Math.Max(most, _loss.Of(l, e, precision));
            }
        return Math.Max(2 * most / (leastStep < long.MaxValue ? leastStep : 1), 1e-30);
    }

    // The smallest difference in bytes between precisions of an expert.
    private long LeastStep(int layer, int expert)
    {
        var bytes = _precisions.Select(precision => _request.Costs.Of(layer, expert, precision)).Distinct().Order().ToArray();
        return bytes.Length > 1 ? bytes.Zip(bytes.Skip(1), (less, more) => more - less).Min() : long.MaxValue;
    }

    // Null where one copy of each expert is above the budget: the price is too low.
    private (List<ExpertCopy>[] Copies, double Loss)? Plan(double price)
    {
        var costs = new CopyCosts(_precisions, _request.Costs, _loss, price);
        var allocation = new CopyAllocation(_objectives, costs, _request.Model.Experts, _maxCopies, _maxBytes);
        if (allocation.Bytes > _maxBytes)
            return null;
        var copies = allocation.ToCopies();
        PrecisionUpgrades.Spend(copies, _precisions, _request.Costs, _loss, _maxBytes - allocation.Bytes);
        return (copies, _loss.Sum(copies));
    }

    private ExpertImportance NoImportance() =>
        _precisions.All(precision => precision == _request.Costs.Original)
            ? new ExpertImportance([], [], new Dictionary<Precision, double[][]>(), null)
            : throw new InvalidInputException("importance", "none",
                "measured losses: policy budget chooses precisions by them; calibrate the model, or use a policy that needs loads alone");

    private InvalidInputException TooFewBytes()
    {
        long least = 0;
        for (var l = 0; l < _objectives.Length; l++)
            for (var e = 0; e < _request.Model.Experts; e++)
                least += _precisions.Min(precision => _request.Costs.Of(l, e, precision));
        var ratio = (double)least / _request.Costs.OriginalBytes(_request.Model);
        return new InvalidInputException("budget", Text(_request.Budget),
            $"at least {Text(Math.Ceiling(ratio * 1e4) / 1e4)}: one copy of each expert in the smallest precision");
    }

    private InvalidInputException TooMuchLoss(double smallest) =>
        new("max loss", Text(_request.MaxLoss),
            $"at least {smallest.ToString("G4", CultureInfo.InvariantCulture)}: the least that precisions " +
            $"{string.Join(", ", _precisions.Select(precision => precision.Name()))} reach within the budget, without any replica");

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
