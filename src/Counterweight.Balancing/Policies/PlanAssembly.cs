using Counterweight.Balancing.Forecast;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies;

/// <summary>A copy that has no device yet.</summary>
internal readonly record struct ExpertCopy(int Expert, Precision Precision);

/// <summary>Makes a plan from the copies of every layer: devices, bytes, forecast. Slots are ordered by device, then by expert.</summary>
internal static class PlanAssembly
{
    /// <summary>Places the copies for mixed traffic under the even split and for each trace alone under the least-loaded split.</summary>
    public static Plan Place(PlanRequest request, IReadOnlyList<IReadOnlyList<ExpertCopy>> copies, PlanPolicy policy)
    {
        var layers = new LayerPlan[copies.Count];
        Parallel.For(0, copies.Count, l =>
        {
            var traffic = new TrafficShares(request.Traces, l);
            int[] experts = [.. copies[l].Select(copy => copy.Expert)];
            var devices = DevicePlacement.Place(experts, request.Devices, Goals(traffic));
            layers[l] = Layer(request.Model.MoeLayers[l], copies[l], devices);
        });
        return Finish(request, layers, copies, policy);
    }

    /// <summary>Makes a plan from layers that are placed already.</summary>
    public static Plan Finish(PlanRequest request, LayerPlan[] layers, IReadOnlyList<IReadOnlyList<ExpertCopy>> copies, PlanPolicy policy)
    {
        var measured = request.Importance is { } known && copies.All(layer => layer.All(copy =>
            copy.Precision == request.Costs.Original || known.Loss.ContainsKey(copy.Precision)));
        var loss = measured ? new PrecisionLoss(request.Costs.Original, request.Importance!).Sum(copies) : (double?)null;
        var budget = new PlanBudget(request.Costs.OriginalBytes(request.Model), request.Costs.BytesOf(layers), request.Budget);
        return new Plan(request.Model, request.Devices, layers, budget, policy, Forecast(request, layers, loss));
    }

    private static PlacementGoal[] Goals(TrafficShares traffic) =>
    [
        new(traffic.Mixture, SplitModel.Even),
        new(traffic.Mixture, SplitModel.LeastLoaded),
        .. traffic.Single.Select(trace => new PlacementGoal(trace, SplitModel.LeastLoaded, 1.0 / traffic.Single.Length)),
    ];

    private static LayerPlan Layer(int number, IReadOnlyList<ExpertCopy> copies, int[] devices) => new(number,
        [.. copies.Select((copy, s) => new Slot(copy.Expert, copy.Precision, devices[s])).OrderBy(slot => slot.Device).ThenBy(slot => slot.Expert)]);

    private static PlanForecast Forecast(PlanRequest request, LayerPlan[] layers, double? loss)
    {
        var total = ExpertLoads.Sum([.. request.Traces.Select(trace => trace.Total)]);
        LayerForecast[] forecasts = [.. layers.Select((layer, l) => LoadForecast.Of(layer.Slots, request.Devices, total[l]))];
        return new PlanForecast(
            forecasts.Average(layer => layer.Lis),
            forecasts.Average(layer => layer.StragglerRatio),
            forecasts.Average(layer => layer.DeviceImbalanceEven),
            loss);
    }
}
