using System.Text.Json.Nodes;
using Counterweight.Engine.Chat;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Models;

namespace Counterweight.Cli.Output;

/// <summary>Holds a conversation: what the user says comes from a list or line by line from stdin, answers go to stdout as they come.</summary>
/// <param name="loaded">The model.</param>
/// <param name="terminal">Where answers go.</param>
/// <param name="format">How the model wants conversations written.</param>
/// <param name="request">How each answer is generated.</param>
internal sealed class Conversation(LoadedModel loaded, Terminal terminal, ChatFormat format, GenerationRequest request)
{
    private readonly List<ChatMessage> _messages = [];
    private readonly List<GenerateFigures> _turns = [];

    /// <summary>The system message; null: none.</summary>
    public string? System { get; init; }

    /// <summary>More variables of the template.</summary>
    public JsonObject TemplateOptions { get; init; } = [];

    /// <summary>Goes through all turns.</summary>
    /// <param name="turns">What the user says; null: lines of stdin up to its end or an empty one.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<GenerateFigures> RunAsync(IEnumerable<string>? turns, CancellationToken cancellation)
    {
        if (System is not null)
            _messages.Add(new ChatMessage("system", System));
        foreach (var text in turns ?? ReadLines())
            await AnswerAsync(text, cancellation).ConfigureAwait(false);
        return Total();
    }

    private IEnumerable<string> ReadLines()
    {
        while (true)
        {
            if (!Console.IsInputRedirected)
                terminal.Error.Write("> ");
            if (Console.In.ReadLine() is not { Length: > 0 } line)
                yield break;
            yield return line;
        }
    }

    private async Task AnswerAsync(string text, CancellationToken cancellation)
    {
        _messages.Add(new ChatMessage("user", text));
        var prompt = format.Render(_messages, TemplateOptions);
        // The template writes the special tokens itself.
        var turn = request with { Prompt = loaded.Tokenizer.Encode(prompt, addSpecialTokens: false), EndTokens = format.EndTokens };
        var figures = await new GenerationRun(loaded, terminal, [prompt], [turn]).RunAsync(cancellation).ConfigureAwait(false);
        _turns.Add(figures);
        _messages.Add(new ChatMessage("assistant", figures.Texts[0].Text));
    }

    private GenerateFigures Total()
    {
        var decoded = _turns.Where(turn => turn.DecodeTokensPerSecond is not null).ToList();
        var seconds = decoded.Sum(turn => (turn.Tokens - 1) / turn.DecodeTokensPerSecond!.Value);
        return new GenerateFigures(
            loaded.Checkpoint.Location,
            _turns.Sum(turn => turn.PromptTokens),
            _turns.Sum(turn => turn.Tokens),
            _turns.Count > 0 ? _turns[0].SecondsToFirstToken : 0,
            decoded.Count > 0 ? decoded.Sum(turn => turn.Tokens - 1) / seconds : null,
            [.. _turns.SelectMany(turn => turn.Texts)]);
    }
}
