using System.Text.RegularExpressions;
using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks.Metrics;

namespace Counterweight.Evaluation.Tasks;

/// <summary>How the written answers of a described task are ended, filtered and judged.</summary>
internal sealed class UserAnswers
{
    /// <summary>No pattern of a user may hold up a run.</summary>
    private static readonly TimeSpan PatternPatience = TimeSpan.FromSeconds(10);

    private readonly string _path;
    private readonly (string Name, Func<string, string, double> Of)[] _metrics;

    public UserAnswers(string path, UserTaskDescription description)
    {
        _path = path;
        Target = new TextTemplate(path, description.Target ?? "{target}");
        Stops = description.Until ?? ["\n\n"];
        if (Stops.Contains(""))
            throw new InvalidInputException(path, "\"until\": an empty text", "texts that end an answer");
        MaxTokens = description.MaxTokens ?? GenerationTask.DefaultMaxTokens;
        if (MaxTokens < 1)
            throw new InvalidInputException(path, $"\"maxTokens\": {MaxTokens}", "1 or more");
        Filters = description.Filters is { Length: > 0 } filters
            ? Array.ConvertAll(filters, filter => new ResponseFilter(filter.Name, Pattern(filter.Regex), filter.TakeLast))
            : [ResponseFilter.None];
        var match = new ExactMatch([.. (description.Ignore ?? []).Select(Pattern)], description.IgnoreCase ?? false);
        _metrics = Array.ConvertAll(description.Metrics ?? [ExactMatch.Name], name => (name, MetricOf(name, match)));
    }

    public TextTemplate Target { get; }

    public string[] Stops { get; }

    public int MaxTokens { get; }

    public IReadOnlyList<ResponseFilter> Filters { get; }

    public IReadOnlyList<string> MetricNames => [.. _metrics.Select(metric => metric.Name)];

    public IReadOnlyList<SampleMetric> Judge(GenerationDocument document, string answer) =>
        [.. _metrics.Select(metric => new SampleMetric(metric.Name, metric.Of(document.Target, answer)))];

    private Func<string, string, double> MetricOf(string name, ExactMatch match) => name switch
    {
        ExactMatch.Name => match.Of,
        "bleu" => Bleu.Of,
        "rouge1" => (target, answer) => Rouge.OfNGrams(target, answer, 1),
        "rouge2" => (target, answer) => Rouge.OfNGrams(target, answer, 2),
        "rougeL" => Rouge.OfSubsequences,
        _ => throw new InvalidInputException(_path, $"metric \"{name}\"", "some of exact_match, bleu, rouge1, rouge2, rougeL"),
    };

    private Regex Pattern(string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant, PatternPatience);
        }
        catch (ArgumentException bad)
        {
            throw new InvalidInputException(_path, $"pattern \"{pattern}\" ({bad.Message})", "a regular expression", bad);
        }
    }
}
