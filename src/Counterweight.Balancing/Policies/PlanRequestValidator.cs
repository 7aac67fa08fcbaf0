using System.Globalization;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies;

/// <summary>The documented ranges and shapes of a <see cref="PlanRequest"/>.</summary>
public static class PlanRequestValidator
{
    /// <summary>Checks a request.</summary>
    /// <exception cref="InvalidInputException">A value is out of its range or arrays have different shapes: names it.</exception>
    public static void Check(PlanRequest request)
    {
        Range("budget", request.Budget, PlanLimits.MinBudget, PlanLimits.MaxBudget);
        Range("max loss", request.MaxLoss, 0, 10);
        Range("devices", request.Devices, 1, PlanLimits.MaxDevices);
        if (request.Traces.Count == 0)
            throw new InvalidInputException("loads", "no trace", "at least one");
        foreach (var trace in request.Traces)
            CheckTrace(trace, request.Model);
        if (request.Precisions is { Count: 0 })
            throw new InvalidInputException("precisions", "none", "at least one");
        foreach (var precision in (request.Precisions ?? []).Append(request.Costs.Original))
            if (!request.Costs.Has(precision) || request.Costs.Total(request.Model, precision) <= 0)
                throw new InvalidInputException("precisions", precision.Name(),
                    "precisions that experts can be stored in: " + string.Join(", ", request.Costs.Precisions.Select(p => p.Name())));
        if (request.Importance is { } importance)
            CheckImportance(importance, request.Model);
    }

    private static void CheckTrace(LoadTrace trace, ModelFingerprint model)
    {
        if (trace.Total.Layers != model.MoeLayers.Count || trace.Total.Experts != model.Experts)
            throw new InvalidInputException($"loads of trace \"{trace.Name}\"", $"{trace.Total.Layers} layers x {trace.Total.Experts} experts",
                $"{model.MoeLayers.Count} MoE layers x {model.Experts} experts");
        for (var l = 0; l < trace.Total.Layers; l++)
            foreach (var tokens in trace.Total[l])
                if (tokens < 0)
                    throw new InvalidInputException($"loads of trace \"{trace.Name}\"", $"{tokens} tokens in layer {model.MoeLayers[l]}", "0 or more");
    }

    private static void CheckImportance(ExpertImportance importance, ModelFingerprint model)
    {
        Shape("WandaBottom", importance.WandaBottom, model);
        Shape("WandaTop", importance.WandaTop, model);
        foreach (var (precision, loss) in importance.Loss)
            Shape($"Loss at {precision.Name()}", loss, model);
        if (importance.GateShare is { } shares && (shares.Length != model.MoeLayers.Count
            || shares.Any(layer => layer.Length != model.Experts || layer.Any(expert => expert.Length < 2))))
            throw new InvalidInputException("importance: GateShare", "another shape", "[MoE layers][experts][points]");
    }

    private static void Shape(string name, double[][] values, ModelFingerprint model)
    {
        if (values.Length != model.MoeLayers.Count || values.Any(layer => layer.Length != model.Experts))
            throw new InvalidInputException($"importance: {name}", "another shape",
                $"{model.MoeLayers.Count} MoE layers x {model.Experts} experts");
        if (values.Any(layer => layer.Any(value => !double.IsFinite(value))))
            throw new InvalidInputException($"importance: {name}", "a value that is not finite", "finite numbers");
    }

    private static void Range(string name, double value, double min, double max)
    {
        if (!(value >= min && value <= max))
            throw new InvalidInputException(name, Text(value), $"{Text(min)} to {Text(max)}");
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
