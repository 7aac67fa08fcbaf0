using System.Text.Encodings.Web;
using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Scoring;

/// <summary>
/// Samples as JSON lines: <c>task</c>, <c>id</c>, <c>batch</c>, <c>target</c>, <c>metrics</c>, <c>context</c> and <c>requests</c>, or the <c>response</c> that was written. The
/// context stands on the row when all requests share it, otherwise in each request.
/// </summary>
public static class SampleLog
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads all samples of a file; fields that are not needed are skipped.</summary>
    /// <exception cref="InvalidInputException">The file is missing or a line is malformed.</exception>
    public static IReadOnlyList<SampleResult> Read(string path) =>
        [.. DataFile.Lines(path).Select(line => SampleRow.Parse($"{path}:{line.Number}", line.Text).Sample)];

    /// <summary>Writes a line for each sample.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="samples">The samples.</param>
    /// <param name="batch">Number of the batch that they were asked in, 0 or more.</param>
    public static void Write(Stream stream, IEnumerable<SampleResult> samples, int batch) =>
        WriteLines(stream, samples, (json, sample) => SampleRow.Write(json, sample, batch));

    internal static void WriteLines<T>(Stream stream, IEnumerable<T> rows, Action<Utf8JsonWriter, T> write)
    {
        using var json = new Utf8JsonWriter(stream, Readable);
        foreach (var row in rows)
        {
            write(json, row);
            json.Flush();
            json.Reset();
            stream.WriteByte((byte)'\n');
        }
    }
}
