using System.CommandLine;
using Counterweight.Balancing;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Planner.Report;

namespace Counterweight.Planner.Verbs;

/// <summary><c>score</c>: what a plan makes of recorded loads.</summary>
internal static class ScoreVerb
{
    private static readonly Option<string> Plan = new("--plan")
    {
        Description = "Plan to score: plan.json or the file of an engine",
        Required = true,
    };
    private static readonly Option<string[]> Loads = CommonOptions.Loads(required: true);
    private static readonly Option<string?> Engine = CommonOptions.Engine();
    private static readonly Option<int?> Devices = CommonOptions.Devices();
    private static readonly Option<string?> Config = CommonOptions.Config();
    private static readonly Option<int?> DenseLayers = CommonOptions.DenseLayers();
    private static readonly Option<int[]> Batches = new("--batch")
    {
        Description = "Tokens of a batch: forecasts the noise that no static plan removes",
        AllowMultipleArgumentsPerToken = true,
    };
    private static readonly Option<int?> TopK = new("--top-k")
    {
        Description = "Experts that a token is sent to, for batches; default: from the config or the plan",
    };
    private static readonly Option<string?> TimeModel = new("--time-model")
    {
        Description = "JSON with parameters of the layer-time model; default: those of an H800 with DeepSeek-V3 in fp8",
    };
    private static readonly Option<int?> PerNode = CommonOptions.DevicesPerNode();
    private static readonly Option<double?> Require = new("--require")
    {
        Description = "Exit code 1 if the mean device imbalance, even split, is above this",
    };
    private static readonly Option<string?> Json = CommonOptions.Json();
    private static readonly Option<string?> Html = CommonOptions.Html();

    public static Command Create()
    {
        var command = new Command("score", "Forecasts device imbalance, batch noise and layer time of a plan under recorded loads")
        {
            Plan, Loads, Engine, Devices, Config, DenseLayers, Batches, TopK, TimeModel, PerNode, Require, Json, Html,
        };
        command.Does(Run);
        return command;
    }

    private static bool Run(ParseResult parsed)
    {
        var config = CommonOptions.ReadConfig(parsed, Config);
        var plan = new PlanSource(parsed.GetValue(Engine), parsed.GetValue(Devices), config).Read(parsed.GetValue(Plan)!, out var own);
        var dense = parsed.GetValue(DenseLayers) ?? plan.MoeLayers[0];
        var loads = LoadInput.Read(parsed.GetValue(Loads)!, new ImportOptions { DenseLayers = dense, Experts = plan.Experts }, config);
        foreach (var trace in loads.Traces)
            DeviceLoadsShape(plan, trace.Total, trace.Name);
        var scores = TraceScore.Of(plan, loads.Traces);
        var output = parsed.InvocationConfiguration.Output;
        TraceScore.Print(scores, output);
        var topK = parsed.GetValue(TopK) ?? config?.TopK ?? own?.Model.TopK ?? 1;
        var batches = parsed.GetValue(Batches)!.SelectMany(tokens => Forecasts(parsed, plan, loads, tokens, topK)).ToArray();
        PrintBatches(batches, output);
        if (parsed.GetValue(Json) is { } json)
            FigureJson.Write(json, writer =>
            {
                TraceScore.WriteJson(writer, scores);
                WriteBatches(writer, batches);
            });
        if (parsed.GetValue(Html) is { } html)
            HtmlReport.Write(html, plan, loads, scores);
        return parsed.GetValue(Require) is not { } limit || scores.Average(score => score.Even.Average()) <= limit;
    }

    private static void DeviceLoadsShape(EnginePlan plan, Balancing.Loads.ExpertLoads loads, string trace)
    {
        if (loads.Layers != plan.SlotExperts.Length || loads.Experts != plan.Experts)
            throw new InvalidInputException(trace, $"{loads.Layers} layers of {loads.Experts} experts", $"{plan.SlotExperts.Length} of {plan.Experts}, as in the plan");
    }

    private static IEnumerable<BatchRow> Forecasts(ParseResult parsed, EnginePlan plan, LoadInput loads, int tokens, int topK)
    {
        var topology = CommonOptions.Topology(plan.Devices, parsed.GetValue(PerNode));
        var model = parsed.GetValue(TimeModel) is { } path ? LayerTimeModel.Read(ReadFile(path), path) : new LayerTimeModel();
        var contiguous = plan.Experts % plan.Devices == 0 ? EnginePlan.Contiguous(plan.Experts, plan.Devices, plan.MoeLayers) : null;
        foreach (var trace in loads.Traces)
            yield return new BatchRow(trace.Name, BatchForecast.Resample(plan, trace.Total, tokens, topK),
                contiguous is null ? null : model.LayerMicroseconds(contiguous, trace.Total, tokens, topK, topology),
                model.LayerMicroseconds(plan, trace.Total, tokens, topK, topology));
    }

    private static void PrintBatches(BatchRow[] rows, TextWriter output)
    {
        if (rows.Length == 0)
            return;
        output.WriteLine();
        output.WriteLine("Batches drawn from the loads: device imbalance by split, what the plan reaches in the long run, expert time of a layer:");
        var table = new TextTable("trace", "tokens", "even", "least-loaded", "best split", "long run", "us, no plan", "us, plan");
        foreach (var row in rows)
            table.Add(row.Trace, Figures.Count(row.Forecast.Tokens), Figures.Imbalance(row.Forecast.Even), Figures.Imbalance(row.Forecast.LeastLoaded),
                Figures.Imbalance(row.Forecast.Optimal), Figures.Imbalance(row.Forecast.LongRun),
                row.BeforeMicroseconds is { } before ? FormattableString.Invariant($"{before:F1}") : "", FormattableString.Invariant($"{row.Microseconds:F1}"));
        table.Write(output);
    }

    private static void WriteBatches(System.Text.Json.Utf8JsonWriter writer, BatchRow[] rows)
    {
        writer.WriteStartArray("batches");
        foreach (var row in rows)
        {
            writer.WriteStartObject();
            writer.WriteString("trace", row.Trace);
            writer.WriteNumber("tokens", row.Forecast.Tokens);
            writer.WriteNumber("even", row.Forecast.Even);
            writer.WriteNumber("leastLoaded", row.Forecast.LeastLoaded);
            writer.WriteNumber("optimal", row.Forecast.Optimal);
            writer.WriteNumber("longRun", row.Forecast.LongRun);
            if (row.BeforeMicroseconds is { } before)
                writer.WriteNumber("layerMicrosecondsBefore", before);
            writer.WriteNumber("layerMicroseconds", row.Microseconds);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static byte[] ReadFile(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(path, e.Message, "a readable file", e);
        }
    }

    private sealed record BatchRow(string Trace, BatchForecast Forecast, double? BeforeMicroseconds, double Microseconds);
}
