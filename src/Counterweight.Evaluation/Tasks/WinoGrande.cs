using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>
/// Whom or what a gap refers to. The choices stand in the contexts; what is scored is the same rest of the sentence.
/// Sakaguchi et al., "WinoGrande", 2020.
/// </summary>
internal static class WinoGrande
{
    private const char Gap = '_';

    public static MultipleChoiceTask Task { get; } = new("winogrande", Read) { TargetIsText = true };

    private static IEnumerable<ChoiceDocument> Read(TaskData data)
    {
        foreach (var row in JsonRow.ReadLines(data.Benchmark("winogrande", "dev.jsonl")))
        {
            var sentence = row.Text("sentence");
            var gap = sentence.IndexOf(Gap, StringComparison.Ordinal);
            if (gap < 0)
                throw row.Invalid("a sentence without a gap", $"one '{Gap}' in \"sentence\"");
            var before = sentence[..gap];
            var rest = PythonText.Trim(sentence[(gap + 1)..]);
            yield return new ChoiceDocument("", [rest, rest], row.Index("answer", 2, first: 1))
            {
                Contexts = [before + row.Text("option1"), before + row.Text("option2")],
            };
        }
    }
}
