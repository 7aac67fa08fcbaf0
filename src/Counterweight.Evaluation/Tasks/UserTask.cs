using System.Text.Json;
using System.Text.Json.Serialization;
using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Evaluation.Tasks;

/// <summary>A task that a JSON file describes, over rows of a JSON-lines file: see <c>docs/tasks.md</c>.</summary>
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
/// deserializers forget the defaults of init-only properties; null where a field is not given.
/// </summary>
internal sealed record UserTaskDescription
{
    public required string Task { get; init; }
    public required string File { get; init; }
    public OutputType OutputType { get; set; } = OutputType.MultipleChoice;
    public string? ExamplesFile { get; set; }
    public string Description { get; set; } = "";
    public string Context { get; set; } = "{context}";
    public JsonElement? Choices { get; set; }
    public string? Gold { get; set; }
    public GoldForm? GoldForm { get; set; }
    public string? Target { get; set; }
    public string? Text { get; set; }
    public string[]? Until { get; set; }
    public int? MaxTokens { get; set; }
    public UserFilter[]? Filters { get; set; }
    public string[]? Ignore { get; set; }
    public bool? IgnoreCase { get; set; }
    public string? Category { get; set; }
    public bool FewShot { get; set; } = true;
    public string[]? Metrics { get; set; }
}

/// <summary>A filter of generated answers: <see cref="ResponseFilter"/>.</summary>
internal sealed record UserFilter
{
    public required string Name { get; init; }
    public required string Regex { get; init; }
    public bool TakeLast { get; set; }
}

/// <summary>How a task asks the model, in lm-evaluation-harness's words.</summary>
internal enum OutputType
{
    [JsonStringEnumMemberName("multiple_choice")]
    MultipleChoice,

    [JsonStringEnumMemberName("loglikelihood")]
    LogLikelihood,

    [JsonStringEnumMemberName("loglikelihood_rolling")]
    Rolling,

    [JsonStringEnumMemberName("generate_until")]
    Generation,
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
