using System.Text.Json;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Tokenization.PreTokenizers;

namespace Counterweight.Engine.Tokenization.Files;

/// <summary>Reads a <c>tokenizer.json</c>; nothing in it is trusted.</summary>
internal static class TokenizerFile
{
    private const int MaximumBytes = 256 << 20;

    public static TokenizerParts Read(string path)
    {
        using var document = InputFile.ReadJsonObject(path, MaximumBytes, "a tokenizer.json");
        return Read(new JsonCursor(path, "$", document.RootElement));
    }

    /// <summary>Reads one that another file stands for.</summary>
    /// <param name="place">That file.</param>
    /// <param name="json">The <c>tokenizer.json</c>, UTF-8.</param>
    public static TokenizerParts Parse(string place, ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return Read(new JsonCursor(place, "$", document.RootElement));
    }

    private static TokenizerParts Read(JsonCursor root)
    {
        var model = root["model"];
        var modelVocabulary = ModelFile.ReadVocabulary(model);
        var (vocabulary, addedTokens) = VocabularyFile.ReadAddedTokens(root, modelVocabulary);
        var words = new WordEncoder(ModelFile.Read(model, modelVocabulary));
        var normalizer = root.Optional("normalizer") is { } normalizers ? NormalizerFile.Read(normalizers) : null;
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
                ? PreTokenizerFile.Read(preTokenizer, words, modelVocabulary)
                : words,
            Decoders = DecoderFile.Read(root.Optional("decoder")),
            Before = before,
            After = after,
        };
    }
}
