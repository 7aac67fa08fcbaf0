using System.Text;
using Counterweight.Balancing;

namespace Counterweight.Evaluation.Tasks;

/// <summary>A document that can stand in front of others as an example.</summary>
internal interface IPromptDocument
{
    /// <summary>Its text with its answer.</summary>
    string Example { get; }
}

/// <summary>What stands in front of a document: a description once, then examples.</summary>
internal sealed record PromptStart(string Description, IReadOnlyList<IPromptDocument> Examples)
{
    private const string AfterExample = "\n\n";

    public string Text
    {
        get
        {
            var text = new StringBuilder(Description);
            foreach (var example in Examples)
                text.Append(example.Example).Append(AfterExample);
            return text.ToString();
        }
    }
}

/// <summary>A task whose documents are prompts behind a description and examples.</summary>
/// <param name="name">Its name.</param>
/// <param name="read">Its documents.</param>
internal abstract class PromptedTask<T>(string name, Func<TaskData, IEnumerable<T>> read) : EvaluationTask(name) where T : class, IPromptDocument
{
    /// <summary>Stands once in front of everything.</summary>
    public string Description { get; init; } = "";

    /// <summary>Documents whose first k are the examples; null: examples are drawn.</summary>
    public Func<TaskData, IEnumerable<T>>? ReadExamples { get; init; }

    /// <summary>Documents that examples are drawn from, null where the data has none; then and by default they are the task's own.</summary>
    public Func<TaskData, IEnumerable<T>?> ReadTraining { get; init; } = _ => null;

    /// <summary>Whether examples can stand in front of a document.</summary>
    public bool TakesExamples { get; init; } = true;

    /// <summary>Examples where nobody says how many.</summary>
    public Func<TaskData, int> DefaultFewShot { get; init; } = _ => 0;

    internal override LoadedTask Load(TaskData data, TaskOptions options)
    {
        var all = read(data).ToArray();
        if (all.Length == 0)
            throw new InvalidInputException(Name, "no documents", "at least one in its data");
        var documents = all[..Math.Min(all.Length, options.Limit ?? all.Length)];
        var fewShot = TakesExamples ? options.FewShot ?? DefaultFewShot(data) : 0;
        var examples = Examples(data, all, documents.Length, fewShot, options.Seed);
        var samples = documents.Select((document, id) => Sample(id, document, new PromptStart(Description, examples[id])));
        return new LoadedTask(this, fewShot, all.Length, [.. samples]);
    }

    /// <summary>The document behind its start, ready to be asked.</summary>
    protected abstract TaskDocument Sample(int id, T document, PromptStart start);

    private IReadOnlyList<T>[] Examples(TaskData data, T[] all, int documents, int count, uint seed)
    {
        if (count == 0)
            return [.. Enumerable.Repeat<IReadOnlyList<T>>([], documents)];
        if (ReadExamples is null)
            return ReadTraining(data) is { } training
                ? FewShotSampler.DrawFrom(Name, [.. training], documents, count, seed)
                : FewShotSampler.DrawAmong(Name, all, documents, count, seed);
        T[] first = [.. ReadExamples(data).Take(count)];
        return first.Length == count ? [.. Enumerable.Repeat(first, documents)] : throw FewShotSampler.TooMany(Name, count, first.Length);
    }
}
