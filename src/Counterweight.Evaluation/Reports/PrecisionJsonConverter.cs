using System.Text.Json;
using System.Text.Json.Serialization;
using Counterweight.Balancing.Plans;

namespace Counterweight.Evaluation.Reports;

/// <summary>Precisions by the names that files use.</summary>
internal sealed class PrecisionJsonConverter : JsonConverter<Precision>
{
    public override Precision Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Parse(reader.TokenType == JsonTokenType.String ? reader.GetString() : null);

    public override Precision ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Parse(reader.GetString());

    public override void Write(Utf8JsonWriter writer, Precision value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Name());

    public override void WriteAsPropertyName(Utf8JsonWriter writer, Precision value, JsonSerializerOptions options) =>
        writer.WritePropertyName(value.Name());

    private static Precision Parse(string? name) => PrecisionNames.TryParse(name, out var precision)
        ? precision
        : throw new JsonException($"{name ?? "something else"} where one of {string.Join(", ", PrecisionNames.All)} should stand");
}
