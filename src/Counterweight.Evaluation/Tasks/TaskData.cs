using Counterweight.Balancing;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Where the evaluation data lies. Nothing is downloaded; each task's documentation names its files.</summary>
/// <param name="benchmarks">Folder of the public benchmarks in their original form (<c>piqa/valid.jsonl</c>, …); null for none.</param>
/// <param name="texts">Folder of the project's own evaluation texts (<c>minimal-pairs.jsonl</c>); null for none.</param>
public sealed class TaskData(string? benchmarks, string? texts = null)
{
    internal string Benchmark(params ReadOnlySpan<string> parts) => Find(benchmarks, "the benchmarks", parts);

    internal bool HasBenchmark(params ReadOnlySpan<string> parts) => benchmarks is not null && Path.Exists(Path.Combine([benchmarks, .. parts]));

    internal string Text(string name) => Find(texts, "the evaluation texts", name);

    internal string[] BenchmarkFiles(string folder, string pattern)
    {
        var path = Benchmark(folder);
        var files = Directory.GetFiles(path, pattern);
        Array.Sort(files, StringComparer.Ordinal);
        return files.Length > 0 ? files : throw new InvalidInputException(path, "no data files", $"files {pattern}");
    }

    private static string Find(string? folder, string what, params ReadOnlySpan<string> parts)
    {
        var file = Path.Combine(parts);
        if (folder is null)
            throw new InvalidInputException(file, $"no folder for {what}", $"the folder that holds {file}");
        var path = Path.Combine(folder, file);
        return Path.Exists(path) ? path : throw new InvalidInputException(path, "nothing there", $"{file} in the folder of {what}");
    }
}
