using System.Text.Encodings.Web;
using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Scoring;

/// <summary>
/// Samples as JSON lines: <c>task</c>, <c>id</c>, <c>target</c>, <c>metrics</c>, <c>context</c> and <c>requests</c>. The context stands
/// on the row when all requests share it, otherwise in each request.
/// </summary>
public static class SampleLog
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads all samples of a file; fields that are not needed are skipped.</summary>
    /// <exception cref="InvalidInputException">The file is missing or a line is malformed.</exception>
    public static IReadOnlyList<SampleResult> Read(string path) =>
        [.. DataFile.Lines(path).Select(line => SampleRow.Parse($"{path}:{line.Number}", line.Text))];

    /// <summary>Writes a line for each sample.</summary>
    public static void Write(Stream stream, IEnumerable<SampleResult> samples)
    {
        using var json = new Utf8JsonWriter(stream, Readable);
        foreach (var sample in samples)
        {
            SampleRow.Write(json, sample);
            json.Flush();
            json.Reset();
            stream.WriteByte((byte)'\n');
        }
    }
}
