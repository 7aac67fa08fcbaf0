namespace Counterweight.Evaluation.Tasks;

/// <summary>Names of metrics as lm-evaluation-harness writes them: <c>metric,filter</c>.</summary>
public static class MetricName
{
    /// <summary>The filter that changes nothing.</summary>
    public const string NoFilter = "none";

    /// <summary>The full name.</summary>
    public static string Of(string metric, string filter) => $"{metric},{filter}";

    /// <summary>The metric's own name and its filter; a name without one has the filter that changes nothing.</summary>
    public static (string Metric, string Filter) Split(string name) =>
        name.LastIndexOf(',') is > 0 and var comma ? (name[..comma], name[(comma + 1)..]) : (name, NoFilter);
}
