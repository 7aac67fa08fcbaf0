using System.Text.Json.Nodes;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests;

/// <summary>A document of the reference, as lm-evaluation-harness asked and judged it.</summary>
internal sealed class GoldenRow(JsonObject row)
{
    private static readonly Dictionary<(string, int?), IReadOnlyList<TaskDocument>> Loaded = [];

    public string Task => (string)row["task"]!;

    public int Id => (int)row["id"]!;

    /// <summary>Null where the task's own number was taken.</summary>
    public int? FewShot => (int?)row["fewshot"];

    public JsonNode Target => row["target"]!;

    public JsonObject Metrics => row["metrics"]!.AsObject();

    public JsonObject[] Requests => [.. row["requests"]!.AsArray().Select(request => request!.AsObject())];

    public bool IsGeneration => row.ContainsKey("generation");

    public string Context => (string)row["context"]!;

    public string[] Stops => [.. row["generation"]!["until"]!.AsArray().Select(stop => (string)stop!)];

    public (int Context, int Dropped) Tokens => ((int)row["context_tokens"]!, (int)row["dropped_tokens"]!);

    public override string ToString() => $"{Task} {Id} with {FewShot ?? 0} examples";

    public (string? Context, string Continuation)[] Texts => [.. Requests.Select(request => request["text"] is { } text
        ? (null, (string)text!)
        : ((string?)(request["context"] ?? row["context"]), (string)request["continuation"]!))];

    public static TaskData Data => new(GoldenFiles.Shared("data", "benchmarks"));

    public static IEnumerable<GoldenRow> Read(params string[] file) =>
        ReadAll(file).Where(row => !row.IsGeneration);

    /// <summary>The rows whose answers are written.</summary>
    public static IEnumerable<GoldenRow> ReadGenerations() => ReadAll("goldens", "eval", "requests.jsonl").Where(row => row.IsGeneration);

    private static IEnumerable<GoldenRow> ReadAll(params string[] file) =>
        File.ReadLines(GoldenFiles.Shared(file)).Select(line => new GoldenRow(JsonNode.Parse(line)!.AsObject()));

    /// <summary>The rows of a task that the bundled model was evaluated on.</summary>
    public static IEnumerable<GoldenRow> ReadPocketSamples(string task) => Read([.. PocketFolder, $"{task}.samples.jsonl"]);

    public static string[] PocketFolder => ["goldens", "models", "pocket-moe", "eval"];

    /// <summary>The same document as this project reads it.</summary>
    public TaskDocument Document()
    {
        lock (Loaded)
        {
            if (!Loaded.TryGetValue((Task, FewShot), out var documents))
            {
                var task = (EvaluationTask)TaskRegistry.Find(Task, Data);
                documents = task.Load(Data, new TaskOptions(FewShot, EvaluationOptions.DefaultSeed, Limit: null)).Documents;
                Loaded.Add((Task, FewShot), documents);
            }
            return documents[Id];
        }
    }
}
