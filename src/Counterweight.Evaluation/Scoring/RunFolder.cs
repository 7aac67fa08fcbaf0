using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Scoring;

/// <summary>
/// The folder of a run: <c>run.json</c> with what the run depends on, <c>samples.jsonl</c> that grows by whole batches of documents, and, once all is done, the files
/// that lm-evaluation-harness writes. A run that was killed continues after its last whole batch.
/// </summary>
internal sealed class RunFolder : IDisposable
{
    private const string Started = "started";
    private const string DateFormat = "yyyy-MM-dd'T'HH-mm-ss.ffffff";
    private readonly string _folder;
    private readonly DateTimeOffset _started;
    private readonly FileStream _samples;
    private int _batch;

    private RunFolder(string folder, DateTimeOffset started)
    {
        (_folder, _started) = (folder, started);
        _samples = new FileStream(SamplesFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
    }

    private string SamplesFile => Path.Combine(_folder, "samples.jsonl");

    public static RunFolder Open(EvaluationOptions options, TaskTree tree, int maxLength)
    {
        var folder = Directory.CreateDirectory(options.Folder!).FullName;
        var file = Path.Combine(folder, "run.json");
        var settings = Settings(options, tree, maxLength);
        var started = options.Clock.GetUtcNow();
        if (File.Exists(file))
        {
            var earlier = ReadSettings(file);
            started = TakeStarted(file, earlier);
            if (!JsonNode.DeepEquals(earlier, settings))
                throw new InvalidInputException(file, $"another run: {earlier.ToJsonString()}", $"{settings.ToJsonString()}, or an empty folder");
        }
        else
        {
            settings[Started] = started.ToString("O", CultureInfo.InvariantCulture);
            AtomicFile.Write(file, stream => stream.Write(Encoding.UTF8.GetBytes(settings.ToJsonString())));
        }
        return new RunFolder(folder, started);
    }

    /// <summary>
    /// The samples of an earlier run, which must be the first ones of this run's work. Its last batch may lack some: unless all work is done, that batch is done again,
    /// so that the same documents are always asked together.
    /// </summary>
    public List<SampleResult> Resume(IReadOnlyList<(EvaluationTask Task, TaskDocument Document)> work)
    {
        CutUnfinishedLine();
        var samples = new List<SampleResult>();
        var (batchSample, batchOffset, offset) = (0, 0L, 0L);
        using var reader = new StreamReader(_samples, new UTF8Encoding(false), leaveOpen: true);
        while (reader.ReadLine() is { } line)
        {
            var where = $"{SamplesFile}:{samples.Count + 1}";
            var (sample, batch) = SampleRow.Parse(where, line);
            Check(where, sample, samples.Count, work);
            if (samples.Count == 0 || batch != _batch)
                (_batch, batchSample, batchOffset) = (batch, samples.Count, offset);
            samples.Add(sample);
            offset += Encoding.UTF8.GetByteCount(line) + 1;
        }
        if (samples.Count == work.Count)
            return samples;
        _samples.SetLength(batchOffset);
        return samples[..batchSample];
    }

    /// <summary>Adds the samples of a batch; they are on the disk when this returns.</summary>
    public void Append(IEnumerable<SampleResult> samples)
    {
        _samples.Seek(0, SeekOrigin.End);
        SampleLog.Write(_samples, samples, _batch++);
        _samples.Flush(flushToDisk: true);
    }

    /// <summary>Writes the results, dated by the run's start: a continued run gives the same files.</summary>
    public void Finish(EvaluationResults results)
    {
        var date = _started.UtcDateTime.ToString(DateFormat, CultureInfo.InvariantCulture);
        foreach (var task in results.Samples.GroupBy(sample => sample.Task))
            AtomicFile.Write(Path.Combine(_folder, $"samples_{FileName(task.Key)}_{date}.jsonl"), stream => SamplesJson.Write(stream, task));
        AtomicFile.Write(Path.Combine(_folder, $"results_{date}.csv"), stream => ResultsCsv.Write(stream, results));
        AtomicFile.Write(Path.Combine(_folder, $"results_{date}.json"), stream => ResultsJson.Write(stream, results, _started));
    }

    // As lm-evaluation-harness does: names of tasks are the user's.
    private static string FileName(string task) => string.Concat(task.Select(c => char.IsLetterOrDigit(c) ? c : '_'));

    public void Dispose() => _samples.Dispose();

    private static void Check(string where, SampleResult sample, int index, IReadOnlyList<(EvaluationTask Task, TaskDocument Document)> work)
    {
        if (index == work.Count)
            throw new InvalidInputException(where, "a sample too many", $"{work.Count} samples");
        var (task, document) = work[index];
        if (sample.Task != task.Name || sample.Id != document.Id || !document.Matches(sample))
            throw new InvalidInputException(where, $"sample {sample.Id} of {sample.Task}",
                $"sample {document.Id} of {task.Name} with the requests that its data gives now");
    }

    private static JsonObject Settings(EvaluationOptions options, TaskTree tree, int maxLength) => new()
    {
        ["model"] = options.Model,
        ["maxLength"] = maxLength,
        ["fewShot"] = options.FewShot,
        ["seed"] = options.Seed,
        ["limit"] = options.Limit,
        ["tasks"] = new JsonArray([.. tree.Tasks.Select(task => JsonValue.Create(task.Name))]),
    };

    private static JsonObject ReadSettings(string file)
    {
        try
        {
            return JsonNode.Parse(Utf8File.ReadText(file)) as JsonObject ?? throw new InvalidInputException(file, "no JSON object", "the settings of a run");
        }
        catch (System.Text.Json.JsonException bad)
        {
            throw new InvalidInputException(file, $"no valid JSON ({bad.Message})", "the settings of a run", bad);
        }
    }

    private static DateTimeOffset TakeStarted(string file, JsonObject settings)
    {
        settings.Remove(Started, out var text);
        return text is JsonValue value && value.TryGetValue<string>(out var date)
            && DateTimeOffset.TryParseExact(date, "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var started)
            ? started
            : throw new InvalidInputException(file, $"\"{Started}\": {text?.ToJsonString() ?? "nothing"}", "when the run started, in ISO 8601");
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
