using System.Text;
using Counterweight.Balancing;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Policies.Eplb;
using Counterweight.Balancing.Policies.Robust;

namespace Counterweight.Planner.Report;

/// <summary>One HTML file with pictures and no other files: what a plan does, layer by layer, trace by trace, device by device.</summary>
internal static class HtmlReport
{
    private const int CurveIterations = 10_000, CurvePoints = 5;

    public static void Write(string path, EnginePlan plan, LoadInput loads, IReadOnlyList<TraceScore> scores)
    {
        var html = new StringBuilder();
        html.Append(Head("Expert plan"));
        html.Append("<h1>Expert plan</h1><p>").Append(Svg.Escape(Summary(plan))).Append("</p>");
        AppendScores(html, scores);
        Section(html, "Imbalance of each layer",
            "Max / mean device load under the even split, mean over the traces. 1 is perfect: the slowest device decides how long a layer takes.",
            Charts.Layers(plan, scores));
        Section(html, "Plans against traces",
            "Each row is a plan made from one trace alone, the last row is this plan; each column is a trace that it serves. Numbers are mean device imbalances.",
            Charts.Matrix(Matrix(plan, loads), [.. loads.Traces.Select(trace => trace.Name)]));
        var worst = loads.Traces[Array.IndexOf([.. scores], scores.MaxBy(score => score.Even.Average()))];
        Section(html, "Devices and layers",
            $"Load of each device over the mean of its layer under this plan, for the trace {worst.Name}, which it serves least evenly.",
            Charts.Heatmap(plan, worst.Total));
        if (Curve(plan, loads) is { Length: > 1 } curve)
            Section(html, "What redundant experts buy",
                "Mean device imbalance over the traces for plans with more and more redundant experts in each layer, found by a short search.",
                Charts.Curve(curve));
        html.Append("</body></html>\n");
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(html.ToString())));
    }

    /// <summary>Everything before the content.</summary>
    public static string Head(string title) => $"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{Svg.Escape(title)}</title><style>" +
        "body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:1060px;margin:2em auto;padding:0 1em}svg{max-width:100%;height:auto;font:12px system-ui,sans-serif}" +
        "table{border-collapse:collapse}td,th{padding:.25em .8em;border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}" +
        "h2{margin-top:2em}p{max-width:75ch}</style></head><body>";

    private static string Summary(EnginePlan plan) =>
        $"{plan.SlotExperts.Length} MoE layers ({plan.MoeLayers[0]} to {plan.MoeLayers[^1]}) of {plan.Experts} experts on {plan.Devices} devices, " +
        $"{plan.RedundantExperts} redundant experts in all.";

    private static void AppendScores(StringBuilder html, IReadOnlyList<TraceScore> scores)
    {
        html.Append("<table><tr><th>trace</th><th>no plan</th><th>even split</th><th>worst layer</th><th>best split</th><th>SGLang</th><th>vLLM</th><th>vllm-ascend</th><th>TensorRT-LLM</th></tr>");
        foreach (var score in scores)
        {
            html.Append("<tr><td>").Append(Svg.Escape(score.Name)).Append("</td>");
            foreach (var value in (double?[])[score.Before?.Average(), score.Even.Average(), score.Even.Max(), score.Optimal.Average(),
                score.Metrics.Sglang, score.Metrics.Vllm, score.Metrics.Ascend, score.Metrics.TensorRtLlm])
                html.Append("<td>").Append(value is { } number ? Figures.Imbalance(number) : "").Append("</td>");
            html.Append("</tr>");
        }
        html.Append("</table>");
    }

    private static void Section(StringBuilder html, string title, string text, string picture) =>
        html.Append("<h2>").Append(Svg.Escape(title)).Append("</h2><p>").Append(Svg.Escape(text)).Append("</p>").Append(picture);

    private static double[][] Matrix(EnginePlan plan, LoadInput loads)
    {
        IEnumerable<EnginePlan> plans = [.. loads.Totals.Select(trace => Single(plan, trace)), plan];
        return [.. plans.Select(row => loads.Totals.Select(trace => DeviceLoads.EvenImbalance(row, trace).Average()).ToArray())];
    }

    // A plan of equal size from one trace; where layers differ in width, of the widest.
    private static EnginePlan Single(EnginePlan plan, ExpertLoads trace) => new(plan.Experts, plan.Devices, plan.MoeLayers,
        EplbPlanner.Plan(trace, new EplbOptions(plan.SlotExperts.Max(slots => slots.Length), plan.Devices)));

    private static RedundancyPoint[] Curve(EnginePlan plan, LoadInput loads)
    {
        var options = new RobustOptions { Slots = [], Devices = plan.Devices, Iterations = CurveIterations };
        return [.. RedundancyCurve.Plan(loads.Totals, options,
            RedundancyCurve.Divisible(plan.Experts, plan.Devices, plan.Experts).Take(CurvePoints))];
    }
}
