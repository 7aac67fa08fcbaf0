using System.Text.Json;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Engine.Chat;

/// <summary>How a model wants conversations written: its chat template, its special tokens, and the tokens that end an answer.</summary>
public sealed class ChatFormat
{
    private const string TemplateFile = "chat_template.jinja", SettingsFile = "tokenizer_config.json", TokensFile = "special_tokens_map.json", GenerationFile = "generation_config.json";
    private const int MaxBytes = 16 << 20;
    private const int MaxTokenId = 1 << 24;

    private static readonly string[] SpecialTokens = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly ChatTemplate _template;
    private readonly Dictionary<string, string> _specialTokens;

    private ChatFormat(ChatTemplate template, Dictionary<string, string> specialTokens, IReadOnlyList<int> endTokens) =>
        (_template, _specialTokens, EndTokens) = (template, specialTokens, endTokens);

    /// <summary>The tokens that end an answer: those of <c>generation_config.json</c>, else the model's, and the tokenizer's end token.</summary>
    public IReadOnlyList<int> EndTokens { get; }

    /// <summary>Finds the template of a model: <c>chat_template.jinja</c> beside the weights, else <c>chat_template</c> of <c>tokenizer_config.json</c>, else the one in the weights' own file.</summary>
    /// <param name="model">The model.</param>
    /// <param name="templateFile">A template to use instead; null: the model's own.</param>
    /// <exception cref="InvalidInputException">The model has no template, or a file can't be used.</exception>
    public static ChatFormat Load(LoadedModel model, string? templateFile = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        var (checkpoint, tokenizer, shape) = (model.Checkpoint, model.Tokenizer, model.Model.Shape);
        var settings = ReadObject(checkpoint.SideFile(SettingsFile));
        var template = templateFile is not null ? FromFile(templateFile)
            : checkpoint.SideFile(TemplateFile) is { } own && File.Exists(own) ? FromFile(own)
            : FromSettings(settings, checkpoint.SideFile(SettingsFile) ?? checkpoint.Location)
                ?? (checkpoint.ChatTemplate is { } inside ? ChatTemplate.Parse(inside, $"{checkpoint.Location}, chat template") : null)
                ?? throw new InvalidInputException(checkpoint.Location, "no chat template",
                    $"a model for conversations, with {TemplateFile} or chat_template in {SettingsFile}, or a template given with --chat-template");
        var special = ReadSpecialTokens(ReadObject(checkpoint.SideFile(TokensFile)), settings);
        if (shape.BosToken is { } bos)
            special.TryAdd("bos_token", tokenizer.TokenOf(bos));
        if (shape.EosTokens is [var end, ..])
            special.TryAdd("eos_token", tokenizer.TokenOf(end));
        var ends = ReadEndTokens(checkpoint.SideFile(GenerationFile)) ?? shape.EosTokens;
        int[] ownEnd = special.TryGetValue("eos_token", out var eos) && tokenizer.IdOf(eos) is { } id ? [id] : [];
        return new ChatFormat(template, special, [.. ends.Union(ownEnd)]);
    }

    /// <summary>The text that asks for an answer to a conversation; special tokens in it are to be encoded as such.</summary>
    /// <param name="messages">The conversation so far.</param>
    /// <param name="options">More variables that the template may know, such as <c>enable_thinking</c>.</param>
    /// <exception cref="InvalidInputException">The template refuses the conversation.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages, JsonObject? options = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var variables = new JsonObject();
        foreach (var (name, token) in _specialTokens)
            variables[name] = token;
        foreach (var (name, value) in options ?? [])
            variables[name] = value?.DeepClone();
        variables["messages"] = new JsonArray([.. messages.Select(message => new JsonObject { ["role"] = message.Role, ["content"] = message.Content })]);
        variables["add_generation_prompt"] = true;
        return _template.Render(variables);
    }

    private static ChatTemplate FromFile(string path)
    {
        using var stream = InputFile.OpenRead(path, "a chat template");
        if (stream.Length > MaxBytes)
            throw new InvalidInputException(path, $"{stream.Length} bytes", $"a chat template of at most {MaxBytes}");
        return ChatTemplate.Parse(Utf8File.ReadText(path), path);
    }

    /// <summary>A string, or a list of named templates of which <c>default</c> is for plain conversations.</summary>
    private static ChatTemplate? FromSettings(JsonElement? settings, string file)
    {
        if (settings is not { } root || !root.TryGetProperty("chat_template", out var template) || template.ValueKind == JsonValueKind.Null)
            return null;
        if (template.ValueKind == JsonValueKind.Array)
            foreach (var item in template.EnumerateArray())
                if (TextOf(item, "name") == "default" && TextOf(item, "template") is { } named)
                    return ChatTemplate.Parse(named, $"{file}, chat_template \"default\"");
        return template.ValueKind == JsonValueKind.String
            ? ChatTemplate.Parse(template.GetString()!, $"{file}, chat_template")
            : throw new InvalidInputException($"{file}, chat_template", InputText.Quoted(template.GetRawText()), "a string, or a list of templates with one named default");
    }

    private static Dictionary<string, string> ReadSpecialTokens(params ReadOnlySpan<JsonElement?> sources)
    {
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var source in sources)
            foreach (var name in SpecialTokens)
                if (source is { } root && root.TryGetProperty(name, out var value) && (TextOf(root, name) ?? TextOf(value, "content")) is { } token)
                    tokens[name] = token;
        return tokens;
    }

    private static List<int>? ReadEndTokens(string? file)
    {
        if (!File.Exists(file))
            return null;
        var config = ConfigReader.Open(file);
        return config.Has("eos_token_id") ? [.. config.IntList("eos_token_id", 0, MaxTokenId, [])] : null;
    }

    private static JsonElement? ReadObject(string? path)
    {
        if (!File.Exists(path))
            return null;
        using var document = InputFile.ReadJsonObject(path, MaxBytes, "a JSON object of settings");
        return document.RootElement.Clone();
    }

    private static string? TextOf(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
