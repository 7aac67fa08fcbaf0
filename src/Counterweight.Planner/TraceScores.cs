using System.Text.Json;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;

namespace Counterweight.Planner;

/// <summary>A plan under one trace.</summary>
/// <param name="Name">The trace.</param>
/// <param name="Before">Device imbalance of each layer without a plan, experts in order; null where experts do not divide by
/// devices.</param>
/// <param name="Even">Device imbalance of each layer, even split.</param>
/// <param name="Optimal">Device imbalance of each layer, best split.</param>
/// <param name="Metrics">The engines' own numbers.</param>
internal sealed record TraceScore(string Name, double[]? Before, double[] Even, double[] Optimal, BalanceMetrics Metrics)
{
    public static TraceScore[] Of(EnginePlan plan, IReadOnlyList<LoadTrace> traces)
    {
        var contiguous = plan.Experts % plan.Devices == 0 ? EnginePlan.Contiguous(plan.Experts, plan.Devices, plan.MoeLayers) : null;
        return [.. traces.Select(trace => new TraceScore(trace.Name,
            contiguous is null ? null : DeviceLoads.EvenImbalance(contiguous, trace.Total),
            DeviceLoads.EvenImbalance(plan, trace.Total),
            DeviceLoads.OptimalImbalance(plan, trace.Total),
            BalanceMetrics.Of(plan, trace.Total)))];
    }

    public static void Print(IReadOnlyList<TraceScore> scores, TextWriter output)
    {
        output.WriteLine("Device imbalance, max / mean load (1 is perfect), mean over layers:");
        var table = new TextTable("trace", "no plan", "even split", "worst layer", "best split");
        foreach (var score in scores)
            table.Add(score.Name, score.Before is null ? "" : Figures.Imbalance(score.Before.Average()),
                Figures.Imbalance(score.Even.Average()),
                Figures.Imbalance(score.Even.Max()), Figures.Imbalance(score.Optimal.Average()));
        if (scores.Count > 1)
            table.Add("mean", scores[0].Before is null ? "" : Figures.Imbalance(scores.Average(score => score.Before!.Average())),
                Figures.Imbalance(scores.Average(score => score.Even.Average())), Figures.Imbalance(scores.Max(score => score.Even.Max())),
                Figures.Imbalance(scores.Average(score => score.Optimal.Average())));
        table.Write(output);
        output.WriteLine();
        output.WriteLine("The same in the engines' own metrics, even split:");
        var engines = new TextTable("trace", "SGLang balancedness", "vLLM balancedness", "vllm-ascend PAR", "TensorRT-LLM ratio");
        foreach (var score in scores)
            engines.Add(score.Name, Figures.Imbalance(score.Metrics.Sglang), Figures.Imbalance(score.Metrics.Vllm),
                Figures.Imbalance(score.Metrics.Ascend), Figures.Imbalance(score.Metrics.TensorRtLlm));
        engines.Write(output);
    }

    public static void WriteJson(Utf8JsonWriter writer, IReadOnlyList<TraceScore> scores)
    {
        writer.WriteStartArray("traces");
        foreach (var score in scores)
        {
            writer.WriteStartObject();
            writer.WriteString("name", score.Name);
            if (score.Before is not null)
                Layers(writer, "before", score.Before);
            Layers(writer, "even", score.Even);
            Layers(writer, "optimal", score.Optimal);
            writer.WriteNumber("sglangBalancedness", score.Metrics.Sglang);
            writer.WriteNumber("vllmBalancedness", score.Metrics.Vllm);
            writer.WriteNumber("ascendPar", score.Metrics.Ascend);
            writer.WriteNumber("tensorRtLlmImbalanceRatio", score.Metrics.TensorRtLlm);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void Layers(Utf8JsonWriter writer, string name, double[] layers)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("mean", layers.Average());
        writer.WriteNumber("max", layers.Max());
        writer.WriteStartArray("layers");
        foreach (var layer in layers)
            writer.WriteNumberValue(layer);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}

/// <summary>JSON documents with figures.</summary>
internal static class FigureJson
{
    public static void Write(string path, Action<Utf8JsonWriter> write) => Balancing.AtomicFile.Write(path, stream =>
    {
        using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        writer.WriteStartObject();
        write(writer);
        writer.WriteEndObject();
    });
}
