using System.CommandLine;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Formats;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Plans;

namespace Counterweight.Planner.Verbs;

/// <summary><c>inspect</c>: what a file of loads or a plan holds, and what engines would choke on.</summary>
internal static class InspectVerb
{
    private static readonly Argument<string> Path = new("FILE") { Description = "Recorded loads, plan.json or the plan file of an engine" };
    private static readonly Option<string?> Engine = CommonOptions.Engine();
    private static readonly Option<int?> Devices = CommonOptions.Devices();
    private static readonly Option<string?> Config = CommonOptions.Config();
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        var command = new Command("inspect", "Describes recorded loads or a plan") { Path, Engine, Devices, Config, Json };
        command.Does(parsed =>
        {
            var source = new PlanSource(parsed.GetValue(Engine), parsed.GetValue(Devices), CommonOptions.ReadConfig(parsed, Config));
            Describe(parsed.GetValue(Path)!, source, parsed.InvocationConfiguration.Output, parsed.GetValue(Json));
            return true;
        });
        return command;
    }

    public static void Describe(string path, PlanSource source, TextWriter output, string? json)
    {
        if (source.Engine is null && !LooksLikePlan(path))
        {
            var traces = LoadsImport.Read(path, new ImportOptions { DenseLayers = source.Config?.MoeLayers[0], Experts = source.Config?.Experts });
            if (json is not null)
                FigureJson.Write(json, writer => InspectJson.Write(writer, traces));
            foreach (var loads in traces)
                DescribeLoads(loads, output);
            return;
        }
        var plan = source.Read(path, out var own);
        if (json is not null)
            FigureJson.Write(json, writer => InspectJson.Write(writer, plan, own));
        DescribePlan(plan, own, output);
        foreach (var name in EnginePlanFormats.Names.Where(name => source.Engine is null || name == source.Engine))
            foreach (var finding in EnginePlanFormats.Of(name).Check(plan, source.Target))
                output.WriteLine($"{name}: {(finding.IsError ? "error" : "warning")}: {finding.Sentence}");
    }

    private static void DescribeLoads(ImportedLoads loads, TextWriter output)
    {
        var total = loads.Trace.Total;
        output.WriteLine($"{loads.Trace.Name} ({loads.Trace.Phase.ToString().ToLowerInvariant()}): {loads.Trace.Windows.Count} windows, {total.Layers} MoE layers ({loads.MoeLayers[0]} to {loads.MoeLayers[^1]}) of {total.Experts} experts");
        var table = new TextTable("layer", "tokens x k", "max / mean expert", "busiest expert", "without load");
        for (var l = 0; l < total.Layers; l++)
        {
            var row = total[l].ToArray();
            table.Add($"{loads.MoeLayers[l]}", Figures.Count(row.Sum()), Figures.Imbalance(LoadImbalance.MaxOverMean(row)),
                $"{Array.IndexOf(row, row.Max())}", $"{row.Count(count => count == 0)}");
        }
        table.Write(output);
    }

    private static void DescribePlan(EnginePlan plan, Plan? own, TextWriter output)
    {
        output.WriteLine($"{plan.SlotExperts.Length} MoE layers ({plan.MoeLayers[0]} to {plan.MoeLayers[^1]}) of {plan.Experts} experts on {plan.Devices} devices, " +
            $"{plan.UniformSlots?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "different numbers of"} slots a layer, {plan.RedundantExperts} redundant experts in all");
        var copies = Enumerable.Range(0, plan.SlotExperts.Length).Select(plan.CopiesOf).ToArray();
        output.WriteLine($"Most copies of an expert: {copies.Max(layer => layer.Max())}; experts with more than one, mean over layers: {copies.Average(layer => layer.Count(count => count > 1)):F1}");
        if (own is null)
            return;
        output.WriteLine($"Policy {own.Policy.Name}; expert bytes {own.Budget.PlannedBytes} of {own.Budget.OriginalBytes}; forecast device imbalance {Figures.Imbalance(own.Forecast.DeviceImbalance)}");
        foreach (var group in own.Layers.SelectMany(layer => layer.Slots).GroupBy(slot => slot.Precision).OrderBy(group => group.Key))
            output.WriteLine($"{group.Key.Name()}: {group.Count()} slots");
    }

    // Loads are numbers alone or have keys of their own; plans say what they are near the start.
    private static bool LooksLikePlan(string path)
    {
        if (!File.Exists(path))
            return false;
        var start = new byte[4096];
        using var stream = File.OpenRead(path);
        var text = System.Text.Encoding.Latin1.GetString(start, 0, stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false));
        return text.Contains("\"counterweight.plan\"", StringComparison.Ordinal) || text.StartsWith("num_slots", StringComparison.Ordinal) ||
            text.Contains("\"moe_layer_count\"", StringComparison.Ordinal) ||
            (text.Contains("\"physical_to_logical_map\"", StringComparison.Ordinal) && !text.Contains("\"window_expert_load\"", StringComparison.Ordinal));
    }
}
