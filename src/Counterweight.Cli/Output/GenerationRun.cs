using System.Diagnostics;
using System.Text;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Cli.Output;

/// <summary>Runs requests and prints their texts: one as it comes, several one after another when all are done.</summary>
internal sealed class GenerationRun(LoadedModel loaded, Terminal terminal, IReadOnlyList<string> prompts, IReadOnlyList<GenerationRequest> requests)
{
    private readonly Continuation[] _continuations = [.. requests.Select(_ => new Continuation(loaded.Tokenizer))];

    public async Task<GenerateFigures> RunAsync(CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var (firstStep, tokens) = (TimeSpan.Zero, 0);
        using var session = new GenerationSession(loaded.Model, requests);
        try
        {
            await foreach (var token in session.RunAsync(cancellation).ConfigureAwait(false))
            {
                if (tokens++ < requests.Count)
                    firstStep = clock.Elapsed;
                Print(_continuations[token.Request].Add(token));
            }
            Array.ForEach(_continuations, continuation => Print(continuation.End()));
        }
        finally
        {
            if (requests.Count == 1)
                terminal.Text.WriteLine();
        }
        var decoding = (clock.Elapsed - firstStep).TotalSeconds;
        if (requests.Count > 1)
            PrintAll();
        return Figures(tokens, firstStep.TotalSeconds, decoding);
    }

    private void Print(string? piece)
    {
        if (requests.Count > 1 || piece is null)
            return;
        terminal.Text.Write(TerminalText.ForTerminal(piece, terminal.Out));
        terminal.Text.Flush();
    }

    private void PrintAll()
    {
        for (var i = 0; i < _continuations.Length; i++)
        {
            terminal.Text.WriteLine($"--- {i + 1}: {TerminalText.OneLine(prompts[i])}");
            terminal.Text.WriteLine(TerminalText.ForTerminal(_continuations[i].Text, terminal.Out));
        }
    }

    private GenerateFigures Figures(int tokens, double secondsToFirst, double decodeSeconds) => new(
        loaded.Checkpoint.Location,
        requests.Sum(request => request.Prompt.Length),
        tokens,
        secondsToFirst,
        tokens > requests.Count ? (tokens - requests.Count) / decodeSeconds : null,
        [.. _continuations.Select((continuation, i) => new GeneratedText(
            prompts[i], requests[i].Prompt, continuation.Text, continuation.Ids, continuation.Finish == FinishReason.Stop ? "stop" : "length"))]);

    /// <summary>What was added to one prompt.</summary>
    private sealed class Continuation(Tokenizer tokenizer)
    {
        private readonly StreamingDecoder _decoder = new(tokenizer, skipSpecialTokens: true);
        private readonly StringBuilder _text = new();

        public List<int> Ids { get; } = [];

        public FinishReason Finish { get; private set; }

        public string Text => _text.ToString();

        public string? Add(GeneratedToken token)
        {
            Ids.Add(token.Token);
            Finish = token.Finish;
            return token.Finish == FinishReason.Stop ? null : Append(_decoder.Push(token.Token));
        }

        public string? End() => Append(_decoder.Flush());

        private string? Append(string? piece)
        {
            _text.Append(piece);
            return piece;
        }
    }
}

/// <summary>The JSON document of <c>generate</c>.</summary>
internal sealed record GenerateFigures(
    string Model, int PromptTokens, int Tokens, double SecondsToFirstToken, double? DecodeTokensPerSecond, IReadOnlyList<GeneratedText> Texts);

/// <summary>One prompt and what was added to it.</summary>
internal sealed record GeneratedText(string Prompt, IReadOnlyList<int> PromptIds, string Text, IReadOnlyList<int> Ids, string FinishReason);
