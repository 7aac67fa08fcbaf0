using Counterweight.Balancing;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Scoring;

/// <summary>Texts as token ids.</summary>
/// <param name="text">Any text.</param>
/// <param name="addSpecialTokens">Whether the tokenizer's own post-processor adds what it usually adds.</param>
public delegate int[] EncodeText(string text, bool addSpecialTokens);

/// <summary>
/// Turns (context, continuation) pairs and whole texts into token requests as lm-evaluation-harness 0.4.13 does, so that
/// log-likelihoods agree with its own sample by sample.
/// </summary>
public sealed class RequestTokenizer
{
    private readonly EncodeText _encode;
    private readonly int _prefixToken;
    private readonly string _prefixText;
    private readonly int _maxLength;
    private readonly bool _hasEncoder;
    private (string Text, int[] Ids) _lastContext = ("", []);

    /// <summary>A tokenizer for a model.</summary>
    /// <param name="encode">Text to ids.</param>
    /// <param name="prefixToken">Id that stands before a text without context: BOS if there is one, else EOS.</param>
    /// <param name="prefixText">Its text; a text that starts with it gets no special tokens.</param>
    /// <param name="maxLength">The model's longest input in tokens, 1 or more.</param>
    /// <param name="hasEncoder">Whether the model is an encoder-decoder, of which whole texts are asked in halves.</param>
    public RequestTokenizer(EncodeText encode, int prefixToken, string prefixText, int maxLength, bool hasEncoder = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 1);
        _encode = encode;
        _prefixToken = prefixToken;
        _prefixText = prefixText;
        _maxLength = maxLength;
        _hasEncoder = hasEncoder;
    }

    /// <summary>The tokenizer of a model: its ids, its prefix token, its longest input.</summary>
    /// <exception cref="InvalidInputException">The model's folder names no usable BOS or EOS token.</exception>
    public static RequestTokenizer Of(LoadedModel model)
    {
        var prefix = PrefixToken.Of(model);
        return new RequestTokenizer(model.Tokenizer.Encode, prefix.Id, prefix.Text, model.Model.Shape.MaxPositions, model.Model.Shape.DecoderStart is not null);
    }

    /// <summary>
    /// The continuation after the context. White space at the context's end counts to the continuation, both are tokenised together,
    /// an empty context becomes the prefix token, and what doesn't fit is cut from the context's left end.
    /// </summary>
    /// <exception cref="InvalidInputException">The continuation alone is longer than the model's window.</exception>
    public DocumentRequest Continuation(string context, string continuation)
    {
        var (before, after) = Encode(context, continuation);
        if (after.Length > _maxLength)
            throw new InvalidInputException("continuation", $"{after.Length} tokens", $"at most the model's window of {_maxLength}");
        var dropped = Math.Max(0, before.Length + after.Length - (_maxLength + 1));
        var window = after.Length == 0
            ? [] // nothing to score: its log-likelihood is 0
            : new[] { new TokenRequest([.. before.AsSpan(dropped), .. after.AsSpan(..^1)], after) };
        return new DocumentRequest(context, continuation, window, before.Length, after.Length, dropped);
    }

    /// <summary>
    /// The whole text, each token predicted once in windows of the model's longest input; the first token follows the prefix token,
    /// and a short last window sees earlier tokens as context. An encoder-decoder reads the first half of each window and predicts the second (prefix language
    /// modelling, Raffel et al. 2020): what it reads is context.
    /// </summary>
    public DocumentRequest Rolling(string text)
    {
        var ids = EncodeWithSpecialTokens(text);
        if (_hasEncoder)
        {
            var halves = RollingWindows.Halves(ids, _maxLength);
            var predicted = halves.Sum(window => window.Targets.Length);
            return new DocumentRequest(null, text, halves, ids.Length - predicted, predicted, 0);
        }
        return new DocumentRequest(null, text, RollingWindows.Of(ids, _prefixToken, _maxLength), 0, ids.Length, 0);
    }

    /// <summary>The context to write on from; its left end is cut so that the new tokens fit into the window.</summary>
    /// <exception cref="InvalidInputException">The new tokens alone fill the window.</exception>
    public DocumentRequest Generation(string context, IReadOnlyList<string> stops, int maxTokens)
    {
        if (maxTokens >= _maxLength)
            throw new InvalidInputException("new tokens", $"{maxTokens}", $"less than the model's window of {_maxLength}");
        var ids = EncodeWithSpecialTokens(context);
        var dropped = Math.Max(0, ids.Length - (_maxLength - maxTokens));
        int[] prompt = ids.Length > 0 ? ids[dropped..] : [_prefixToken];
        return new DocumentRequest(context, "", [], ids.Length, 0, dropped) { Generation = new GenerateRequest(prompt, stops, maxTokens) };
    }

    /// <summary>Ids of a text as the tokenizer's post-processor leaves them.</summary>
    internal int[] EncodeWithSpecialTokens(string text) =>
        _encode(text, !(_prefixText.Length > 0 && text.StartsWith(_prefixText, StringComparison.Ordinal)));

    private (int[] Context, int[] Continuation) Encode(string context, string continuation)
    {
        if (context.Length == 0)
        {
            var alone = _encode(continuation, false);
            return alone is [var first, .. var rest] && first == _prefixToken ? ([first], rest) : ([_prefixToken], alone);
        }
        var trimmed = PythonText.TrimEnd(context);
        var before = EncodeContext(trimmed);
        var whole = EncodeWithSpecialTokens(context + continuation);
        var after = whole[Math.Min(before.Length, whole.Length)..];
        return (before.Length > 0 ? before : [_prefixToken], after);
    }

    // The choices of a document mostly share its context.
    private int[] EncodeContext(string context)
    {
        if (_lastContext.Text != context)
            _lastContext = (context, EncodeWithSpecialTokens(context));
        return _lastContext.Ids;
    }
}
