using System.Text;
using Counterweight.Engine.Tokenization.Decoders;

namespace Counterweight.Engine.Tokenization;

/// <summary>
/// Turns the ids of one sequence into text as they come. A piece is held back while its last character is incomplete, and while it
/// ends in U+FFFD, which more bytes may still explain. Not thread-safe.
/// </summary>
/// <remarks>
/// The pieces put together are what <see cref="Tokenizer.Decode"/> gives for all ids, with one exception: a vocabulary with byte
/// fallback decodes a run of byte tokens as a whole, and characters already handed out aren't taken back when a later byte makes the
/// run invalid.
/// </remarks>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly StringBuilder _text = new();
    private readonly TokenSink _decoder;

    /// <summary>Starts a sequence.</summary>
    /// <param name="tokenizer">names the tokens</param>
    /// <param name="skipSpecialTokens">whether special tokens are left out of the text</param>
    public StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens = false)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        (_tokenizer, _skipSpecialTokens) = (tokenizer, skipSpecialTokens);
        _decoder = tokenizer.Parts.Decoders.Start(_text, isStreaming: true);
    }

    /// <summary>Takes the next id and returns the text that it completes, or null.</summary>
    /// <param name="id">a token id; one that names no token, or a special token that is skipped, adds nothing</param>
    public string? Push(int id)
    {
        if (_tokenizer.VisibleToken(id, _skipSpecialTokens) is { } token)
            _decoder.Add(token);
        return _decoder.IsIncomplete || (_text.Length > 0 && _text[^1] == '\uFFFD') ? null : Take();
    }

    /// <summary>Ends the sequence: returns what was held back, incomplete characters as U+FFFD, or null where nothing was.</summary>
    public string? Flush()
    {
        _decoder.Finish();
        return Take();
    }

    private string? Take()
    {
        if (_text.Length == 0)
            return null;
        var piece = _text.ToString();
        _text.Clear();
        return piece;
    }
}
