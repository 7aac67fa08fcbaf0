using System.Text.Json.Nodes;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Tasks;

/// <summary>A multiple-choice document behind its start.</summary>
internal sealed class ChoiceSample(int id, ChoiceDocument document, PromptStart start, MultipleChoiceTask task) : TaskDocument(id)
{
    public override JsonNode Target => task.TargetOf(document);

    public override DocumentRequest[] Requests(RequestTokenizer tokenizer) => Texts(tokenizer.Continuation);

    public override bool Matches(SampleResult logged) =>
        logged.Requests.Select(request => (request.Context, request.Continuation))
            .SequenceEqual(Texts((context, continuation) => ((string?)context, continuation)));

    public override IReadOnlyList<SampleMetric> Judge(IReadOnlyList<RequestResult> scored)
    {
        double[] loglikelihoods = [.. scored.Select(request => request.LogLikelihood)];
        return [.. task.ChoiceMetrics.Select(metric => new SampleMetric(metric.Name, metric.Of(document, loglikelihoods)))];
    }

    private T[] Texts<T>(Func<string, string, T> request)
    {
        var before = start.Text;
        var shared = document.Contexts is null ? before + document.Context : null;
        var requests = new T[document.Choices.Count];
        for (var i = 0; i < requests.Length; i++)
            requests[i] = request(shared ?? before + document.ContextOf(i), document.ContinuationOf(i));
        return requests;
    }
}
