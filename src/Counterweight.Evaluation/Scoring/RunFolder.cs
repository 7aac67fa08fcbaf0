using System.Text;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Scoring;

/// <summary>
/// The folder of a run: <c>run.json</c> with what the run depends on, <c>samples.jsonl</c> that grows by whole lines, and
/// <c>results.json</c> once all is done. A run that was killed continues after its last whole line.
/// </summary>
internal sealed class RunFolder : IDisposable
{
    private readonly string _folder;
    private readonly FileStream _samples;

    private RunFolder(string folder)
    {
        _folder = folder;
        _samples = new FileStream(SamplesFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
    }

    private string SamplesFile => Path.Combine(_folder, "samples.jsonl");

    public static RunFolder Open(EvaluationOptions options, TaskTree tree, int maxLength)
    {
        var folder = Directory.CreateDirectory(options.Folder!).FullName;
        var settings = Settings(options, tree, maxLength);
        var file = Path.Combine(folder, "run.json");
        if (!File.Exists(file))
            AtomicFile.Write(file, stream => stream.Write(Encoding.UTF8.GetBytes(settings.ToJsonString())));
        else if (!JsonNode.DeepEquals(ReadSettings(file), settings))
            throw new InvalidInputException(file, $"another run: {Utf8File.ReadText(file)}",
                $"{settings.ToJsonString()}, or an empty folder");
        return new RunFolder(folder);
    }

    /// <summary>The samples of an earlier run, which must be the first ones of this run's work.</summary>
    public List<SampleResult> Resume(IReadOnlyList<(EvaluationTask Task, TaskDocument Document)> work)
    {
        CutUnfinishedLine();
        var samples = new List<SampleResult>();
        using var reader = new StreamReader(_samples, Encoding.UTF8, leaveOpen: true);
        while (reader.ReadLine() is { } line)
        {
            var where = $"{SamplesFile}:{samples.Count + 1}";
            var sample = SampleRow.Parse(where, line);
            if (samples.Count == work.Count)
                throw new InvalidInputException(where, "a sample too many", $"{work.Count} samples");
            var (task, document) = work[samples.Count];
            if (sample.Task != task.Name || sample.Id != document.Id || !document.Matches(sample))
                throw new InvalidInputException(where, $"sample {sample.Id} of {sample.Task}",
                    $"sample {document.Id} of {task.Name} with the requests that its data gives now");
            samples.Add(sample);
        }
        return samples;
    }

    /// <summary>Adds samples; they are on the disk when this returns.</summary>
    public void Append(IEnumerable<SampleResult> samples)
    {
        _samples.Seek(0, SeekOrigin.End);
        SampleLog.Write(_samples, samples);
        _samples.Flush(flushToDisk: true);
    }

    public void Finish(EvaluationResults results) =>
        AtomicFile.Write(Path.Combine(_folder, "results.json"), stream => ResultsJson.Write(stream, results));

    public void Dispose() => _samples.Dispose();

    private static JsonObject Settings(EvaluationOptions options, TaskTree tree, int maxLength) => new()
    {
        ["model"] = options.Model,
        ["maxLength"] = maxLength,
        ["fewShot"] = options.FewShot,
        ["seed"] = options.Seed,
        ["limit"] = options.Limit,
        ["tasks"] = new JsonArray([.. tree.Tasks.Select(task => JsonValue.Create(task.Name))]),
    };

    private static JsonNode? ReadSettings(string file)
    {
        try
        {
            return JsonNode.Parse(Utf8File.ReadText(file));
        }
        catch (System.Text.Json.JsonException bad)
        {
            throw new InvalidInputException(file, $"no valid JSON ({bad.Message})", "the settings of a run", bad);
        }
    }

    private void CutUnfinishedLine()
    {
        var end = _samples.Length;
        for (; end > 0; end--)
        {
            _samples.Position = end - 1;
            if (_samples.ReadByte() == '\n')
                break;
        }
        _samples.SetLength(end);
        _samples.Position = 0;
    }
}
