using System.Text;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Evaluation;

/// <summary>Continues prompts with a model: all prompts of a call at once, each until an end token, a stop string or its limit.</summary>
/// <param name="loaded">The model, which stays the caller's.</param>
public sealed class ModelGenerator(LoadedModel loaded) : ITextGenerator
{
    /// <summary>Prompt and new tokens so far.</summary>
    public long ComputedTokens { get; private set; }

    /// <summary>Told after every step: for cutting recorded loads into windows.</summary>
    public Action? PassDone { get; set; }

    /// <inheritdoc/>
    public string[] Generate(IReadOnlyList<GenerateRequest> requests, Action<int>? generated = null, CancellationToken cancellation = default)
    {
        loaded.Model.ResetSplits();
        using var session = new GenerationSession(loaded.Model, [.. requests.Select(request => new GenerationRequest(request.Prompt, request.MaxTokens, SamplingOptions.Greedy))]);
        Answer[] answers = [.. requests.Select(request => new Answer(loaded.Tokenizer, Stops(request)))];
        Count(requests.Sum(request => request.Prompt.Length), generated);
        var tokens = new List<GeneratedToken>();
        while (!session.Done)
        {
            cancellation.ThrowIfCancellationRequested();
            tokens.Clear();
            session.Step(tokens);
            PassDone?.Invoke();
            foreach (var token in tokens)
                if (token.Finish != FinishReason.Stop && answers[token.Request].Add(token.Token))
                    session.End(token.Request);
            Count(tokens.Count, generated);
        }
        return Array.ConvertAll(answers, answer => answer.Text());
    }

    private void Count(int tokens, Action<int>? generated)
    {
        ComputedTokens += tokens;
        generated?.Invoke(tokens);
    }

    // The text of the end token ends a text too, should ordinary tokens spell it.
    private string[] Stops(GenerateRequest request) =>
        [.. request.Stops, .. loaded.Model.Shape.EosTokens.Take(1).Select(loaded.Tokenizer.TokenOf)];

    /// <summary>One answer on its way.</summary>
    private sealed class Answer(Tokenizer tokenizer, string[] stops)
    {
        private readonly List<int> _ids = [];
        private readonly StringBuilder _text = new();
        private readonly StreamingDecoder _decoder = new(tokenizer, skipSpecialTokens: true);
        private readonly int _longestStop = stops.Max(stop => stop.Length);

        /// <summary>Takes the next token; true once a stop string has appeared.</summary>
        public bool Add(int id)
        {
            _ids.Add(id);
            if (_decoder.Push(id) is not { } piece)
                return false;
            _text.Append(piece);
            var tail = Math.Min(_text.Length, piece.Length + _longestStop - 1);
            var end = _text.ToString(_text.Length - tail, tail);
            return Array.Exists(stops, stop => end.Contains(stop, StringComparison.Ordinal));
        }

        /// <summary>All of it up to the first stop string; decoded in one piece, as pieces may differ where bytes are no valid text.</summary>
        public string Text()
        {
            var text = tokenizer.Decode([.. _ids], skipSpecialTokens: true);
            foreach (var stop in stops)
                if (text.IndexOf(stop, StringComparison.Ordinal) is >= 0 and var end)
                    text = text[..end];
            return text;
        }
    }
}
