using System.Text.Json;
using System.Text.Json.Serialization;
using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Evaluation.Tasks;

/// <summary>A multiple-choice task that a JSON file describes, over rows of a JSON-lines file: see <c>docs/tasks.md</c>.</summary>
internal static class UserTask
{
    public static TaskEntry Read(string path)
    {
        var text = Utf8File.ReadText(path);
        try
        {
            var description = JsonSerializer.Deserialize(text, UserTaskJson.Default.UserTaskDescription);
            return new UserTaskReader(path, description ?? throw new JsonException("null")).Task();
        }
        catch (JsonException bad)
        {
            throw new InvalidInputException($"{path}:{bad.LineNumber + 1}", bad.Message, "a task description", bad);
        }
    }
}

/// <summary>
/// The fields of a description; their meaning stands in <c>docs/tasks.md</c>. Optional ones have setters because generated
/// deserializers forget the defaults of init-only properties.
/// </summary>
internal sealed record UserTaskDescription
{
    public required string Task { get; init; }
    public required string File { get; init; }
    public string? ExamplesFile { get; set; }
    public string Description { get; set; } = "";
    public string Context { get; set; } = "{context}";
    public JsonElement Choices { get; set; } = JsonElement.Parse("\"choices\"");
    public string Gold { get; set; } = "gold";
    public GoldForm GoldForm { get; set; } = GoldForm.Index;
    public string? Category { get; set; }
    public bool FewShot { get; set; } = true;
    public string[] Metrics { get; set; } = ["acc", "acc_norm"];
}

/// <summary>How a row says which choice is right.</summary>
internal enum GoldForm
{
    /// <summary>0 for the first; also false and true for the first and second.</summary>
    Index,

    /// <summary>1 for the first.</summary>
    Number,

    /// <summary>A for the first.</summary>
    Letter,

    /// <summary>The choice itself.</summary>
    Text,
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(UserTaskDescription))]
internal sealed partial class UserTaskJson : JsonSerializerContext;
