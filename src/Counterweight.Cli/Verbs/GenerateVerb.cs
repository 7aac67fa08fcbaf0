using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Cli.Output;
using Counterweight.Engine.Chat;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Cli.Verbs;

/// <summary><c>generate</c>: continues prompts or holds a conversation. The text alone goes to stdout, as it comes.</summary>
internal static class GenerateVerb
{
    private static readonly Argument<string> Model = CommonOptions.Model();
    private static readonly Option<string[]> Prompt = new("--prompt") { Description = "Text to continue; several prompts run as one batch and are printed one after another. With --chat: what the user says, several in turn; default: the lines of stdin" };
    private static readonly Option<bool> Chat = new("--chat") { Description = "Holds a conversation in the form of the model's chat template" };
    private static readonly Option<string?> SystemMessage = new("--system") { Description = "With --chat: the system message" };
    private static readonly Option<string?> ChatTemplate = new("--chat-template") { Description = "With --chat: a template (Jinja) to use instead of the model's own" };
    private static readonly Option<string[]> TemplateOption = new("--template-option") { Description = "With --chat: NAME=VALUE for the template, such as enable_thinking=false" };
    private static readonly Option<int> MaxTokens = new("--max-tokens") { Description = "Tokens to add at most", DefaultValueFactory = _ => 128 };
    private static readonly Option<double?> Temperature = new("--temperature") { Description = "0 (always the most probable token) to 100; default: 0, or 1 where --top-k, --top-p or --min-p asks for sampling" };
    private static readonly Option<int> TopK = new("--top-k") { Description = "Samples from so many of the most probable tokens; 0: from all" };
    private static readonly Option<double> TopP = new("--top-p") { Description = "Samples from the most probable tokens that together reach this probability, above 0 to 1", DefaultValueFactory = _ => 1 };
    private static readonly Option<double> MinP = new("--min-p") { Description = "Samples from tokens at least so probable as a share of the most probable one, 0 to 1" };
    private static readonly Option<double> RepetitionPenalty = new("--repetition-penalty") { Description = "Divides the logits of tokens that were there already, above 0 to 100; 1: none", DefaultValueFactory = _ => 1 };
    private static readonly Option<bool> IgnoreEnd = new("--ignore-end") { Description = "Goes on after an end token" };
    private static readonly Option<ulong> Seed = CommonOptions.Seed();
    private static readonly Option<string?> Plan = CommonOptions.Plan();
    private static readonly Option<string> Split = CommonOptions.Split();
    private static readonly Option<int?> Threads = CommonOptions.Threads();
    private static readonly Option<bool> Pin = CommonOptions.Pin();
    private static readonly Option<string?> Kernels = CommonOptions.Kernels();
    private static readonly Option<ComputeMode> Compute = CommonOptions.Compute(ComputeMode.Fastest);
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        var command = new Command("generate", "Continues prompts or holds a conversation: the text goes to stdout as it comes, what it took to stderr")
        {
            Model, Prompt, Chat, SystemMessage, ChatTemplate, TemplateOption, MaxTokens, Temperature, TopK, TopP, MinP, RepetitionPenalty, IgnoreEnd, Seed, Plan, Split, Threads, Pin, Kernels, Compute, Json,
        };
        command.Does(async (parsed, terminal, cancellation) =>
        {
            CommonOptions.CheckJson(parsed, Json);
            var sampling = Sampling(parsed);
            sampling.Validate();
            CheckChat(parsed);
            using var loaded = LoadedModel.Open(parsed.GetValue(Model)!, CommonOptions.Load(parsed, Plan, Threads, Kernels, Compute, Split) with { Pin = parsed.GetValue(Pin) }, terminal.Warn);
            var figures = parsed.GetValue(Chat)
                ? await Conversation(parsed, loaded, terminal, sampling).RunAsync(parsed.GetValue(Prompt) is { Length: > 0 } turns ? turns : null, cancellation)
                : await Continuation(parsed, loaded, terminal, sampling).RunAsync(cancellation);
            FigureJson.Write(parsed.GetValue(Json), figures, FigureJsonContext.Default.GenerateFigures);
            terminal.Say($"{figures.PromptTokens} prompt tokens, {figures.Tokens} new tokens, {FigureText.Count(figures.DecodeTokensPerSecond ?? double.NaN)} tokens/s");
            return ExitCodes.Done;
        });
        return command;
    }

    private static GenerationRun Continuation(ParseResult parsed, LoadedModel loaded, Terminal terminal, SamplingOptions sampling)
    {
        var prompts = parsed.GetValue(Prompt)!;
        return new GenerationRun(loaded, terminal, prompts, [.. prompts.Select((prompt, i) => new GenerationRequest(
            loaded.Tokenizer.Encode(prompt), parsed.GetValue(MaxTokens), sampling with { Seed = sampling.Seed + (ulong)i }, parsed.GetValue(IgnoreEnd)))]);
    }

    private static Conversation Conversation(ParseResult parsed, LoadedModel loaded, Terminal terminal, SamplingOptions sampling) => new(
        loaded,
        terminal,
        ChatFormat.Load(loaded, parsed.GetValue(ChatTemplate)),
        new GenerationRequest([], parsed.GetValue(MaxTokens), sampling, parsed.GetValue(IgnoreEnd)))
    {
        System = parsed.GetValue(SystemMessage),
        TemplateOptions = ReadTemplateOptions(parsed.GetValue(TemplateOption) ?? []),
    };

    private static void CheckChat(ParseResult parsed)
    {
        if (parsed.GetValue(Chat))
            return;
        if (parsed.GetValue(Prompt) is not { Length: > 0 })
            throw new InvalidInputException("--prompt", "nothing", "a text to continue, or --chat");
        foreach (var option in new Option[] { SystemMessage, ChatTemplate, TemplateOption })
            if (parsed.GetResult(option) is { Implicit: false })
                throw new InvalidInputException(option.Name, "it without --chat", "both or neither");
    }

    /// <summary>Values that are JSON count as what they are, others as text.</summary>
    private static JsonObject ReadTemplateOptions(string[] options)
    {
        var variables = new JsonObject();
        foreach (var option in options)
        {
            var (name, value) = option.Split('=', 2) is [{ Length: > 0 } before, var behind] ? (before, behind)
                : throw new InvalidInputException("--template-option", option, "NAME=VALUE");
            try
            {
                variables[name] = JsonNode.Parse(value);
            }
            catch (JsonException)
            {
                variables[name] = value;
            }
        }
        return variables;
    }

    private static SamplingOptions Sampling(ParseResult parsed)
    {
        var samples = parsed.GetResult(TopK) is { Implicit: false } || parsed.GetResult(TopP) is { Implicit: false } || parsed.GetResult(MinP) is { Implicit: false };
        return new SamplingOptions
        {
            Temperature = parsed.GetValue(Temperature) ?? (samples ? 1 : 0),
            TopK = parsed.GetValue(TopK),
            TopP = parsed.GetValue(TopP),
            MinP = parsed.GetValue(MinP),
            RepetitionPenalty = parsed.GetValue(RepetitionPenalty),
            Seed = parsed.GetValue(Seed),
        };
    }
}
