using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Engine.Tokenization.PreTokenizers;

namespace Counterweight.Engine.Tokenization.Files;

/// <summary>Reads a <c>tokenizer.json</c>; nothing in it is trusted.</summary>
internal static class TokenizerFile
{
    private const long MaximumBytes = 256 << 20;
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    public static TokenizerParts Read(Stream stream, string name)
    {
        if (stream.CanSeek && stream.Length > MaximumBytes)
            throw new InvalidInputException(name, $"{stream.Length} bytes", $"a tokenizer.json of at most {MaximumBytes} bytes");
        using var document = Parse(stream, name);
        return Read(new JsonCursor(name, "$", document.RootElement));
    }

    private static JsonDocument Parse(Stream stream, string name)
    {
        try
        {
            return JsonDocument.Parse(stream, Options);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidInputException(name, "a property name that isn't valid Unicode", "a complete tokenizer.json", e);
        }
        catch (JsonException e)
        {
            var where = e.LineNumber is { } line ? $"{name}, line {line + 1}, byte {e.BytePositionInLine + 1}" : name;
            throw new InvalidInputException(where, $"broken JSON ({e.Message})", "a complete tokenizer.json", e);
        }
    }

    private static TokenizerParts Read(JsonCursor root)
    {
        var model = root["model"];
        var vocabulary = VocabularyFile.ReadTokens(model["vocab"]);
        var addedTokens = VocabularyFile.ReadAddedTokens(root, vocabulary);
        var normalizer = root.Optional("normalizer") is { } normalizers ? NormalizerFile.Read(normalizers) : null;
        var words = new WordEncoder(ModelFile.Read(model, vocabulary));
        var (before, after) = root.Optional("post_processor") is { } processor
            ? PostProcessorFile.Read(processor, vocabulary)
            : ([], []);
        return new TokenizerParts
        {
            Vocabulary = vocabulary,
            AddedTokens = addedTokens,
            LiteralTokens = VocabularyFile.SplitterOf(addedTokens.Where(token => !token.Normalized), normalizer: null),
            Normalizer = normalizer,
            NormalizedTokens = VocabularyFile.SplitterOf(addedTokens.Where(token => token.Normalized), normalizer),
            PreTokenizer = root.Optional("pre_tokenizer") is { } preTokenizer
                ? PreTokenizerFile.Read(preTokenizer, words, vocabulary)
                : words,
            Decoders = DecoderFile.Read(root.Optional("decoder")),
            Before = before,
            After = after,
        };
    }
}
