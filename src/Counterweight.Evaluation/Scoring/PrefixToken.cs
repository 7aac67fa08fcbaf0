using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tokenization;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Scoring;

/// <summary>What stands before a text without context: BOS if the tokenizer has one, else EOS.</summary>
internal readonly record struct PrefixToken(int Id, string Text)
{
    private const string SettingsFile = "tokenizer_config.json";

    /// <summary>As <c>tokenizer_config.json</c> says; a folder without it is asked for the ids in <c>config.json</c>.</summary>
    public static PrefixToken Of(LoadedModel model)
    {
        var (tokenizer, shape) = (model.Tokenizer, model.Model.Shape);
        if (Named(model.Checkpoint.SideFile(SettingsFile), tokenizer) is { } named)
            return named;
        int? id = shape.BosToken ?? (shape.EosTokens is [var eos, ..] ? eos : null);
        return id is { } known
            ? new PrefixToken(known, tokenizer.TokenOf(known))
            : throw new InvalidInputException(model.Checkpoint.Location, "neither a BOS nor an EOS token", $"one of them in {SettingsFile} or config.json");
    }

    private static PrefixToken? Named(string? file, Tokenizer tokenizer)
    {
        if (!File.Exists(file))
            return null;
        var settings = JsonRow.Parse(file, Utf8File.ReadText(file));
        if ((TextOf(settings, "bos_token") ?? TextOf(settings, "eos_token")) is not { } text)
            return null;
        return tokenizer.IdOf(text) is { } id
            ? new PrefixToken(id, text)
            : throw new InvalidInputException(file, $"the special token \"{text}\"", "a token of tokenizer.json");
    }

    // Either the text itself or an object with the text and how it is split off.
    private static string? TextOf(JsonRow settings, string name)
    {
        if (!settings.Has(name) || settings.Field(name).ValueKind == JsonValueKind.Null)
            return null;
        return settings.Text(settings.Field(name).ValueKind == JsonValueKind.Object ? $"{name}.content" : name);
    }
}
