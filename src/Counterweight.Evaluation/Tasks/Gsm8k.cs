using System.Text.RegularExpressions;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks.Data;
using Counterweight.Evaluation.Tasks.Metrics;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Word problems that take some steps, answered in free text. Cobbe et al., "Training Verifiers to Solve Math Word Problems", 2021.</summary>
internal static partial class Gsm8k
{
    private const string Folder = "gsm8k";
    private const string TrainingFile = "train.jsonl";

    /// <summary>Five examples from the training set, as they were trained on: where the data lacks that set, none unless they are asked for.</summary>
    private const int StandardExamples = 5;

    private static readonly ExactMatch Match = new([Comma(), Dollar(), UpToHashes(), LastPoint()], IgnoresCase: true);
    private static readonly ResponseFilter LastNumber = new("flexible-extract", AnyNumber(), TakesLast: true);

    /// <summary>Question and answer.</summary>
    public static GenerationTask Plain { get; } = Task("gsm8k", "Question:", AfterHashes(), Plainly);

    /// <summary>With eight worked examples. Wei et al., "Chain-of-Thought Prompting", 2022.</summary>
    public static GenerationTask ChainOfThought { get; } = Task("gsm8k_cot", "Q:", AfterPhrase(), Worked, _ => Gsm8kExamples.ChainOfThought);

    /// <summary>Told to think. Kojima et al., "Large Language Models are Zero-Shot Reasoners", 2022.</summary>
    public static GenerationTask ThinkFirst { get; } = Task("gsm8k_cot_zeroshot", "Q:", AfterPhrase(), ToldToThink, takesExamples: false);

    private static GenerationTask Task(
        string name, string question, Regex strict, Func<JsonRow, GenerationDocument> document,
        Func<TaskData, IEnumerable<GenerationDocument>>? examples = null, bool takesExamples = true) =>
        new(name, data => JsonRow.ReadLines(data.Benchmark(Folder, "test.jsonl")).Select(document))
        {
            Version = 3,
            Stops = [question, "</s>", "<|im_end|>"],
            Filters = [new ResponseFilter("strict-match", strict), LastNumber],
            MetricNames = [ExactMatch.Name],
            Judge = (asked, answer) => [new SampleMetric(ExactMatch.Name, Match.Of(asked.Target, answer))],
            TakesExamples = takesExamples,
            ReadExamples = examples,
            ReadTraining = data => data.HasBenchmark(Folder, TrainingFile) ? JsonRow.ReadLines(data.Benchmark(Folder, TrainingFile)).Select(document) : null,
            DefaultFewShot = data => examples is not null ? Gsm8kExamples.ChainOfThought.Count : data.HasBenchmark(Folder, TrainingFile) ? StandardExamples : 0,
        };

    private static GenerationDocument Plainly(JsonRow row) => new($"Question: {row.Text("question")}\nAnswer:", row.Text("answer"));

    private static GenerationDocument Worked(JsonRow row) =>
        new($"Q: {row.Text("question")}\nA:", PythonText.Trim(row.Text("answer").Split("####")[^1]));

    private static GenerationDocument ToldToThink(JsonRow row) => new($"Q: {row.Text("question")}\nA: Let's think step by step.", row.Text("answer"));

    [GeneratedRegex(@"#### (\-?[0-9\.\,]+)")]
    private static partial Regex AfterHashes();

    [GeneratedRegex(@"The answer is (\-?[0-9\.\,]+).")]
    private static partial Regex AfterPhrase();

    [GeneratedRegex("(-?[$0-9.,]{2,})|(-?[0-9]+)")]
    private static partial Regex AnyNumber();

    [GeneratedRegex(",")]
    private static partial Regex Comma();

    [GeneratedRegex(@"\$")]
    private static partial Regex Dollar();

    [GeneratedRegex("(?s).*#### ")]
    private static partial Regex UpToHashes();

    [GeneratedRegex(@"\.$")]
    private static partial Regex LastPoint();
}
