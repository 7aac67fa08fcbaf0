using System.Runtime.InteropServices;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;

namespace Counterweight.Engine.Generation;

/// <summary>One text on its way: its tokens so far, and how many of them the cache holds.</summary>
internal sealed class GeneratedSequence : IDisposable
{
    private readonly GenerationRequest _request;
    private readonly ModelShape _shape;
    private readonly List<int> _tokens;
    private readonly Sampler _sampler;

    public GeneratedSequence(int number, GenerationRequest request, MoeModel model)
    {
        (Number, _request, _shape) = (number, request, model.Shape);
        Cache = model.NewSequence();
        // All room at once: decoding allocates nothing.
        _tokens = new List<int>(LongestLength);
        _tokens.AddRange(_shape.DecoderStart is { } start ? [start] : request.Prompt);
        _sampler = new Sampler(request.Sampling, _shape.Vocabulary);
        // What an encoder has read is no repetition.
        _sampler.Accept(Tokens);
    }

    /// <summary>The request's number.</summary>
    public int Number { get; }

    public KvSequence Cache { get; }

    /// <summary>Tokens of this step; 0: it does not take part.</summary>
    public int Scheduled { get; set; }

    /// <summary>The prompt, or what an encoder-decoder starts with, and what was drawn.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Tokens that the model has not seen yet, at least one.</summary>
    public int Pending => _tokens.Count - Cache.Length;

    /// <summary>Tokens that it can come to at most.</summary>
    public int LongestLength => (int)Math.Min((_shape.DecoderStart is null ? _request.Prompt.Length : 1) + (long)_request.MaxTokens, _shape.MaxPositions);

    /// <summary>Puts the next tokens into a batch, before the first of an encoder-decoder's what the encoder is to read.</summary>
    public void AddTo(Batch batch, int tokens)
    {
        var next = Tokens.Slice(Cache.Length, tokens);
        if (_shape.DecoderStart is not null && Cache.Length == 0)
            batch.Add(Cache, _request.Prompt, next);
        else
            batch.Add(Cache, next);
    }

    /// <summary>Draws the next token from the logits after the last one.</summary>
    public GeneratedToken Draw(Span<float> logits)
    {
        var token = _sampler.Next(logits);
        _sampler.Accept([token]);
        _tokens.Add(token);
        var finish = !_request.IgnoreEnd && IsEnd(token) ? FinishReason.Stop
            : _tokens.Count >= LongestLength ? FinishReason.Length
            : FinishReason.None;
        return new GeneratedToken(Number, token, finish);
    }

    public void Dispose() => Cache.Dispose();

    private bool IsEnd(int token)
    {
        var ends = _request.EndTokens ?? _shape.EosTokens;
        for (var i = 0; i < ends.Count; i++)
            if (ends[i] == token)
                return true;
        return false;
    }
}
