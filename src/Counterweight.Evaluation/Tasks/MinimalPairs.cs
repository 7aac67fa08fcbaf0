using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>The project's own sentence pairs, a task for each category.</summary>
internal static class MinimalPairs
{
    public static TaskGroup Group { get; } = new("minimal_pairs", data =>
        [.. JsonRow.ReadLines(data.Text("minimal-pairs.jsonl"))
            .Select(row => (Category: row.Text("category"), Document: SentencePairs.Document(row.Text("good"), row.Text("bad"))))
            .GroupBy(pair => pair.Category.Replace(' ', '_'), pair => pair.Document)
            .Select(category => SentencePairs.Task($"minimal_pairs_{category.Key}", _ => category))]);
}
