using System.Text.Json.Nodes;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Tasks;

/// <summary>A document of a task, ready to be asked and judged.</summary>
/// <param name="id">Index in the data.</param>
internal abstract class TaskDocument(int id)
{
    public int Id { get; } = id;

    /// <summary>What would be right, for the log of samples.</summary>
    public abstract JsonNode Target { get; }

    /// <summary>Its requests as token ids.</summary>
    public abstract DocumentRequest[] Requests(RequestTokenizer tokenizer);

    /// <summary>Whether a logged result answers this document's requests as they are formed now.</summary>
    public abstract bool Matches(SampleResult logged);

    /// <summary>Metrics of this document from its scored requests.</summary>
    public abstract IReadOnlyList<SampleMetric> Judge(IReadOnlyList<RequestResult> scored);

    /// <summary>What each filter takes out of a generated answer; null where nothing is generated.</summary>
    public virtual IReadOnlyDictionary<string, string>? Filtered(IReadOnlyList<RequestResult> answered) => null;
}
