using System.Text;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <param name="Original">The text whose words and bytes count.</param>
/// <param name="Scored">The text that the model reads.</param>
internal sealed record RollingDocument(string Original, string Scored)
{
    public static RollingDocument AsItIs(string text) => new(text, text);
}

/// <summary>A task that scores whole texts: perplexities per word and byte.</summary>
internal sealed class RollingTask(string name, Func<TaskData, IEnumerable<RollingDocument>> read) : EvaluationTask(name)
{
    private const string WordPerplexity = "word_perplexity";
    private const string BytePerplexity = "byte_perplexity";
    private const string BitsPerByte = "bits_per_byte";

    public override string OutputType => "loglikelihood_rolling";

    public override IReadOnlyList<(string Name, bool HigherIsBetter)> Metrics =>
        [(WordPerplexity, false), (BytePerplexity, false), (BitsPerByte, false)];

    internal override LoadedTask Load(TaskData data, TaskOptions options)
    {
        var all = read(data).ToArray();
        if (all.Length == 0)
            throw new InvalidInputException(Name, "no documents", "at least one in its data");
        var documents = all.Take(options.Limit ?? all.Length).Select((document, id) => new RollingSample(id, document));
        return new LoadedTask(this, FewShot: 0, all.Length, [.. documents]);
    }

    internal override IReadOnlyList<MetricValue> Aggregate(IReadOnlyList<SampleResult> samples)
    {
        var perWord = NatsPerUnit(samples, WordPerplexity);
        var perByte = NatsPerUnit(samples, BytePerplexity);
        return
        [
            new(WordPerplexity, Math.Exp(perWord), null),
            new(BytePerplexity, Math.Exp(perByte), null),
            new(BitsPerByte, perByte / Math.Log(2), null),
        ];
    }

    private static double NatsPerUnit(IReadOnlyList<SampleResult> samples, string metric)
    {
        var values = samples.Select(sample => sample.Metric(metric)).ToArray();
        return -values.Sum(value => value.Value) / values.Sum(value => value.Weight!.Value);
    }

    private sealed class RollingSample(int id, RollingDocument document) : TaskDocument(id)
    {
        public override JsonNode Target => document.Scored;

        public override DocumentRequest[] Requests(RequestTokenizer tokenizer) => [tokenizer.Rolling(document.Scored)];

        public override bool Matches(SampleResult logged) => logged.Requests is [var request] && request.Continuation == document.Scored;

        public override IReadOnlyList<SampleMetric> Judge(IReadOnlyList<RequestResult> scored)
        {
            var loglikelihood = scored[0].LogLikelihood;
            var share = DocumentRequest.Share(scored[0].ContextTokens, scored[0].ContinuationTokens);
            var bytes = share * Encoding.UTF8.GetByteCount(document.Original);
            return
            [
                new(WordPerplexity, loglikelihood, share * PythonText.Words(document.Original)),
                new(BytePerplexity, loglikelihood, bytes),
                new(BitsPerByte, loglikelihood, bytes),
            ];
        }
    }
}
