using System.Runtime.CompilerServices;
using Counterweight.Balancing;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;

namespace Counterweight.Engine.Generation;

/// <summary>A text to continue.</summary>
/// <param name="Prompt">Token ids, at least one.</param>
/// <param name="MaxTokens">Tokens to add at most, 1 or more.</param>
/// <param name="Sampling">How tokens are drawn.</param>
/// <param name="IgnoreEnd">Goes on after an end token.</param>
/// <param name="EndTokens">The ids that end it; null: those of the model's config.</param>
public sealed record GenerationRequest(int[] Prompt, int MaxTokens, SamplingOptions Sampling, bool IgnoreEnd = false, IReadOnlyList<int>? EndTokens = null);

/// <summary>Why a sequence ended.</summary>
public enum FinishReason
{
    /// <summary>It goes on.</summary>
    None,

    /// <summary>An end token came.</summary>
    Stop,

    /// <summary>The token limit or the model's longest sequence is reached.</summary>
    Length,
}

/// <summary>A token of one of the requests.</summary>
/// <param name="Request">Index of the request.</param>
/// <param name="Token">The id; end tokens are handed out as well.</param>
/// <param name="Finish">Whether the sequence ends with it.</param>
public readonly record struct GeneratedToken(int Request, int Token, FinishReason Finish);

/// <summary>Continues several texts at once: each step schedules rows, runs the model and draws one token for each sequence.</summary>
public sealed unsafe class GenerationSession : IDisposable
{
    /// <summary>Prompt tokens of one step: as many as keep the matrix products busy without letting activations grow.</summary>
    private const int PromptTokensPerStep = 2048;

    private readonly MoeModel _model;
    private readonly Queue<Sequence> _waiting = [];
    private readonly List<Sequence> _running = [];
    private readonly List<Sequence> _ended = [];
    private readonly Batch _batch = new();
    private readonly FloatBuffer _logits = new(); // [sequences, vocabulary]

    /// <summary>A session over requests; prompts are checked against the model.</summary>
    public GenerationSession(MoeModel model, IReadOnlyList<GenerationRequest> requests)
    {
        _model = model;
        for (var i = 0; i < requests.Count; i++)
        {
            Check(model.Shape, requests[i], i);
            _waiting.Enqueue(new Sequence(i, requests[i], model));
        }
    }

    /// <summary>Whether all sequences have ended.</summary>
    public bool Done => _waiting.Count == 0 && _running.Count == 0;

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

    /// <summary>One step: adds one token for each sequence that ran.</summary>
    public void Step(List<GeneratedToken> tokens)
    {
        Schedule();
        _model.Forward(_batch);
        Postprocess(tokens);
    }

    private void Schedule()
    {
        _batch.Clear();
        foreach (var sequence in _running)
            _batch.Add(sequence.Cache, sequence.Next);
        while (_waiting.TryPeek(out var next) && (_batch.Rows == 0 || _batch.Rows + next.Next.Length <= PromptTokensPerStep))
        {
            _running.Add(_waiting.Dequeue());
            _batch.Add(next.Cache, next.Next);
        }
    }

    private void Postprocess(List<GeneratedToken> tokens)
    {
        var vocabulary = _model.Shape.Vocabulary;
        var logits = _logits.Reserve((long)_running.Count * vocabulary);
        for (var s = 0; s < _running.Count; s++)
        {
            // Rows of decoding sequences lie side by side; a prompt's last row stands alone.
            var first = s;
            while (s + 1 < _running.Count && LastRow(s + 1) == LastRow(s) + 1)
                s++;
            _model.Logits(LastRow(first), s - first + 1, logits + (long)first * vocabulary);
        }
        for (var s = 0; s < _running.Count; s++)
            tokens.Add(_running[s].Draw(new Span<float>(logits + (long)s * vocabulary, vocabulary)));
        _ended.Clear();
        for (var s = 0; s < _running.Count; s++)
            if (tokens[tokens.Count - _running.Count + s].Finish != FinishReason.None)
                _ended.Add(_running[s]);
        foreach (var sequence in _ended)
        {
            _running.Remove(sequence);
            sequence.Dispose();
        }
    }

    private int LastRow(int sequence) => _batch[sequence].FirstRow + _batch[sequence].Rows - 1;

    private static void Check(ModelShape shape, GenerationRequest request, int index)
    {
        if (request.Prompt.Length == 0 || request.Prompt.Length >= shape.MaxPositions)
            throw new InvalidInputException($"prompt {index}", $"{request.Prompt.Length} tokens", $"1 to {shape.MaxPositions - 1}");
        foreach (var token in request.Prompt)
            if ((uint)token >= (uint)shape.Vocabulary)
                throw new InvalidInputException($"prompt {index}", $"token id {token}", $"0 to {shape.Vocabulary - 1}");
        if (request.MaxTokens < 1)
            throw new InvalidInputException("--max-tokens", $"{request.MaxTokens}", "1 or more");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var sequence in _running.Concat(_waiting))
            sequence.Dispose();
        _logits.Dispose();
    }

    /// <summary>One text on its way.</summary>
    private sealed class Sequence(int index, GenerationRequest request, MoeModel model) : IDisposable
    {
        private readonly int[] _last = new int[1];
        private readonly Sampler _sampler = NewSampler(request, model.Shape.Vocabulary);
        private int _drawn;

        public KvSequence Cache { get; } = model.NewSequence();

        /// <summary>What the model has not seen yet.</summary>
        public ReadOnlySpan<int> Next => _drawn == 0 ? request.Prompt : _last;

        public GeneratedToken Draw(Span<float> logits)
        {
            _last[0] = _sampler.Next(logits);
            _sampler.Accept(_last);
            _drawn++;
            var finish = !request.IgnoreEnd && (request.EndTokens ?? model.Shape.EosTokens).Contains(_last[0]) ? FinishReason.Stop
                : _drawn == request.MaxTokens || request.Prompt.Length + _drawn >= model.Shape.MaxPositions ? FinishReason.Length
                : FinishReason.None;
            return new GeneratedToken(index, _last[0], finish);
        }

        public void Dispose() => Cache.Dispose();

        private static Sampler NewSampler(GenerationRequest request, int vocabulary)
        {
            var sampler = new Sampler(request.Sampling, vocabulary);
            sampler.Accept(request.Prompt);
            return sampler;
        }
    }
}
