using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>The last word of a passage, which takes all of it to guess. Paperno et al., "The LAMBADA dataset", 2016.</summary>
internal static class Lambada
{
    private const string JsonLines = ".jsonl";

    /// <summary>The passages with the layout of the original text (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019).</summary>
    public static CompletionTask OpenAi { get; } = Task("lambada_openai", ["lambada_test.jsonl", "lambada_test_en.jsonl"]);

    /// <summary>The passages as they were published: in lower case, words and punctuation apart.</summary>
    public static CompletionTask Standard { get; } = Task("lambada_standard", ["lambada_test_plain_text.txt", "lambada_test_standard.jsonl"]);

    /// <summary>The task of that name on a given file.</summary>
    public static CompletionTask? On(string name, string file) =>
        name == OpenAi.Name || name == Standard.Name ? new(name, _ => Read(file)) : null;

    private static CompletionTask Task(string name, string[] files) => new(name, data =>
        Read(data.Benchmark("lambada", Array.Find(files, file => data.HasBenchmark("lambada", file)) ?? files[0])));

    /// <summary>Rows with a field <c>text</c>, or a passage for each line.</summary>
    private static IEnumerable<CompletionDocument> Read(string file) =>
        file.EndsWith(JsonLines, StringComparison.OrdinalIgnoreCase)
            ? JsonRow.ReadLines(file).Select(row => Document(row.Where, row.Text("text")))
            : DataFile.Lines(file).Select(line => Document($"{file}:{line.Number}", line.Text));

    private static CompletionDocument Document(string where, string passage)
    {
        var end = passage.LastIndexOf(' ');
        return end > 0 && end < passage.Length - 1
            ? new CompletionDocument(passage[..end], passage[end..])
            : throw new InvalidInputException(where, $"\"{passage}\"", "a passage whose last word stands behind a single space");
    }
}
