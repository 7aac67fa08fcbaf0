using System.Runtime.CompilerServices;
using Counterweight.Balancing;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;

namespace Counterweight.Engine.Generation;

/// <summary>
/// Continues texts that come and go (Yu et al. 2022, "Orca": iteration-level scheduling). Each step runs one token of every running text and parts of prompts beside
/// them, and draws a token for each text that has come to its end. A text's tokens are the same as if it ran alone.
/// </summary>
public sealed unsafe class GenerationSession : IDisposable
{
    private readonly MoeModel _model;
    private readonly StepSchedule _schedule;
    private readonly Batch _batch = new();
    private readonly FloatBuffer _logits = new(); // [texts that draw, vocabulary]
    private int _requests;

    /// <summary>A session that begins with some requests.</summary>
    /// <param name="model">The model; one session at a time may run a step.</param>
    /// <param name="requests">Requests 0, 1, …</param>
    /// <param name="options">How the model is shared.</param>
    /// <exception cref="InvalidInputException">An option or a request that cannot be met.</exception>
    public GenerationSession(MoeModel model, IReadOnlyList<GenerationRequest> requests, SessionOptions? options = null)
    {
        (options ?? SessionOptions.Default).Validate();
        _model = model;
        _schedule = new StepSchedule(model.KvPages, options ?? SessionOptions.Default, causal: model.Shape.DecoderStart is null);
        foreach (var request in requests)
            Add(request);
    }

    /// <summary>Whether all texts have ended.</summary>
    public bool Done => _schedule.IsEmpty;

    /// <summary>Texts that take part in steps.</summary>
    public int Running => _schedule.Running.Count;

    /// <summary>Texts that wait for room.</summary>
    public int Waiting => _schedule.Waiting;

    /// <summary>Prompt tokens that were not computed since another text began alike.</summary>
    public long TokensReused => _schedule.TokensReused;

    /// <summary>How often a running text had to give its room to an older one, to be computed again later.</summary>
    public int Preemptions => _schedule.Preemptions;

    /// <summary>Adds a request, between any two steps.</summary>
    /// <returns>Its number.</returns>
    /// <exception cref="InvalidInputException">The prompt is empty, too long or has ids that the model does not know, or the text can't fit the cache.</exception>
    public int Add(GenerationRequest request)
    {
        Check(request);
        var text = new GeneratedSequence(_requests, request, _model);
        if (KvLayout.PagesFor(text.LongestLength) > _schedule.Pages)
            throw new InvalidInputException($"prompt {_requests}", $"{text.LongestLength} tokens with those to come",
                $"at most {(long)_schedule.Pages * KvLayout.PageTokens}, which the cache has room for");
        _schedule.Add(text);
        return _requests++;
    }

    /// <summary>Ends a request early, for example at a stop string: no more tokens come for it.</summary>
    /// <param name="request">Its number; one that has ended already stays so.</param>
    public void End(int request) => _schedule.End(request);

    /// <summary>All tokens as they come.</summary>
    public async IAsyncEnumerable<GeneratedToken> RunAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var tokens = new List<GeneratedToken>();
        while (!Done)
        {
            cancellation.ThrowIfCancellationRequested();
            tokens.Clear();
            Step(tokens);
            foreach (var token in tokens)
                yield return token;
            await Task.Yield();
        }
    }

    /// <summary>One step: schedules rows, runs the model and draws a token for each text whose tokens have all been seen.</summary>
    public void Step(List<GeneratedToken> tokens)
    {
        _schedule.Fill(_batch);
        _model.Forward(_batch);
        Draw(tokens);
    }

    private void Draw(List<GeneratedToken> tokens)
    {
        var texts = _schedule.InStep;
        var vocabulary = _model.Shape.Vocabulary;
        var logits = _logits.Reserve((long)texts.Count * vocabulary);
        for (var s = 0; s < texts.Count; s++)
        {
            // A prompt that goes on in the next step has nothing to draw from yet.
            if (texts[s].Pending > 0)
                continue;
            // Rows of running texts lie side by side; a prompt's last row stands alone.
            var first = s;
            while (s + 1 < texts.Count && texts[s + 1].Pending == 0 && LastRow(s + 1) == LastRow(s) + 1)
                s++;
            _model.Logits(LastRow(first), s - first + 1, logits + (long)first * vocabulary);
        }
        for (var s = 0; s < texts.Count; s++)
        {
            if (texts[s].Pending > 0)
                continue;
            var token = texts[s].Draw(new Span<float>(logits + (long)s * vocabulary, vocabulary));
            tokens.Add(token);
            _schedule.HasDrawn(texts[s], token.Finish != FinishReason.None);
        }
    }

    private int LastRow(int text) => _batch[text].FirstRow + _batch[text].Rows - 1;

    private void Check(GenerationRequest request)
    {
        var (shape, where) = (_model.Shape, $"prompt {_requests}");
        if (request.Prompt.Length == 0 || request.Prompt.Length >= shape.MaxPositions)
            throw new InvalidInputException(where, $"{request.Prompt.Length} tokens", $"1 to {shape.MaxPositions - 1}");
        foreach (var token in request.Prompt)
            if ((uint)token >= (uint)shape.Vocabulary)
                throw new InvalidInputException(where, $"token id {token}", $"0 to {shape.Vocabulary - 1}");
        if (request.MaxTokens < 1)
            throw new InvalidInputException("--max-tokens", $"{request.MaxTokens}", "1 or more");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _schedule.Dispose();
        _logits.Dispose();
    }
}
