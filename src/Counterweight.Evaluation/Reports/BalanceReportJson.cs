using System.Text.Json;
using System.Text.Json.Serialization;
using Counterweight.Balancing;

namespace Counterweight.Evaluation.Reports;

/// <summary>Writes and reads the JSON form of a report.</summary>
public static class BalanceReportJson
{
    /// <summary>Writes UTF-8 without a byte-order mark; the stream stays open.</summary>
    public static void Write(BalanceReport report, Stream stream)
    {
        JsonSerializer.Serialize(stream, report, BalanceReportJsonContext.Default.BalanceReport);
        stream.WriteByte((byte)'\n');
    }

    /// <summary>Reads a report back and checks the shape of its arrays.</summary>
    /// <param name="stream">UTF-8 text.</param>
    /// <param name="name">What to call the input in errors, for example the file's name.</param>
    /// <exception cref="InvalidInputException">It is no report, or its arrays don't fit each other.</exception>
    public static BalanceReport Read(Stream stream, string name)
    {
        try
        {
            var report = JsonSerializer.Deserialize(stream, BalanceReportJsonContext.Default.BalanceReport)
                ?? throw new JsonException("null");
            BalanceReportCheck.Check(report, name);
            return report;
        }
        catch (JsonException e)
        {
            var where = e.LineNumber is { } line ? $"{name}, line {line + 1}, {e.Path}" : name;
            throw new InvalidInputException(where, e.Message.Split(" Path:")[0], "a balance report as written by `balance --json`", e);
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    // A rank correlation without variance is NaN and must not cost the whole report.
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    WriteIndented = true,
    NewLine = "\n",
    Converters = [typeof(PrecisionJsonConverter)])]
[JsonSerializable(typeof(BalanceReport))]
internal sealed partial class BalanceReportJsonContext : JsonSerializerContext;
