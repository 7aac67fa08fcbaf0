using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Which of two sentences is grammatical, in 67 sets by phenomenon. Warstadt et al., "BLiMP", 2020.</summary>
internal static class Blimp
{
    private const string Folder = "blimp";
    private const string Pattern = "*.jsonl";

    /// <summary>A task for each set.</summary>
    public static TaskGroup Group { get; } = new("blimp", data =>
        [.. data.BenchmarkFiles(Folder, Pattern).Select(file =>
            SentencePairs.Task($"blimp_{Path.GetFileNameWithoutExtension(file)}", _ => Read(file)))]);

    /// <summary>All sets as one flat task.</summary>
    public static MultipleChoiceTask All { get; } =
        SentencePairs.Task("blimp_all", data => data.BenchmarkFiles(Folder, Pattern).SelectMany(Read));

    private static IEnumerable<ChoiceDocument> Read(string path) =>
        JsonRow.ReadLines(path).Select(row => SentencePairs.Document(row.Text("sentence_good"), row.Text("sentence_bad")));
}
