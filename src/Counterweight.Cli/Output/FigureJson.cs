using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Counterweight.Balancing;
using Counterweight.Cli.Verbs;

namespace Counterweight.Cli.Output;

/// <summary>The JSON documents of the verbs: the figures that they print.</summary>
internal static class FigureJson
{
    /// <summary>Writes the document if a file is wanted.</summary>
    public static void Write<T>(string? file, T figures, JsonTypeInfo<T> type)
    {
        if (file is null)
            return;
        AtomicFile.Write(file, stream =>
        {
            JsonSerializer.Serialize(stream, figures, type);
            stream.WriteByte((byte)'\n');
        });
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    WriteIndented = true,
    NewLine = "\n")]
[JsonSerializable(typeof(InspectFigures))]
[JsonSerializable(typeof(VerifyFigures))]
[JsonSerializable(typeof(VerifyFolderFigures))]
[JsonSerializable(typeof(GenerateFigures))]
[JsonSerializable(typeof(BenchFigures))]
[JsonSerializable(typeof(CalibrateFigures))]
[JsonSerializable(typeof(ApplyFigures))]
[JsonSerializable(typeof(EvaluateFigures))]
internal sealed partial class FigureJsonContext : JsonSerializerContext;
