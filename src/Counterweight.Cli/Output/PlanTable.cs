using System.Globalization;
using Counterweight.Balancing.Plans;
using Counterweight.Evaluation.Reports;
using Spectre.Console;

namespace Counterweight.Cli.Output;

/// <summary>A plan at a glance: provenance, bytes, forecast, and the slots of each layer by precision.</summary>
internal static class PlanTable
{
    public static void Render(IAnsiConsole console, Plan plan)
    {
        FigureTable.RenderFigures(console, Rows(plan));
        var figures = PlanFigures.Of(plan);
        string[] precisions = [.. plan.Layers.SelectMany(layer => layer.Slots).Select(slot => slot.Precision).Distinct().Order().Select(precision => precision.Name())];
        FigureTable.Render(
            console,
            ["layer", "slots", .. precisions],
            figures.Layers.Select(layer => (string[])[
                layer.Layer.ToString(CultureInfo.InvariantCulture),
                FigureText.Count(layer.Slots),
                .. precisions.Select(precision => FigureText.Count(layer.SlotsByPrecision.GetValueOrDefault(precision)))]));
    }

    private static IEnumerable<(string, string)> Rows(Plan plan)
    {
        yield return ("plan by policy", $"{plan.Policy.Name}, seed {plan.Policy.Seed}");
        yield return ("devices", FigureText.Count(plan.Devices));
        yield return ("planned expert bytes", $"{FigureText.Bytes(plan.Budget.PlannedBytes)} of {FigureText.Bytes(plan.Budget.OriginalBytes)}");
        yield return ("forecast LIS", FigureText.Score(plan.Forecast.Lis));
        yield return ("forecast busiest slot", FigureText.TimesLower(plan.Forecast.StragglerRatio));
        yield return ("forecast device imbalance", FigureText.Score(plan.Forecast.DeviceImbalance));
        yield return ("forecast loss", plan.Forecast.Loss is { } loss ? $"{FigureText.Measure(loss)} nats per token" : "not measured");
    }
}

/// <summary>A plan at a glance, in JSON; names as in <c>plan.json</c>.</summary>
internal sealed record PlanFigures(PlanPolicy Policy, int Devices, PlanBudget Budget, PlanForecast Forecast, IReadOnlyList<LayerSlots> Layers)
{
    public static PlanFigures Of(Plan plan) => new(
        plan.Policy, plan.Devices, plan.Budget, plan.Forecast,
        [.. plan.Layers.Select(layer => new LayerSlots(
            layer.Layer, layer.Slots.Count,
            layer.Slots.CountBy(slot => slot.Precision).OrderBy(count => count.Key).ToDictionary(count => count.Key.Name(), count => count.Value)))]);
}

/// <summary>The slots of a layer, all and by precision.</summary>
internal sealed record LayerSlots(int Layer, int Slots, IReadOnlyDictionary<string, int> SlotsByPrecision);
