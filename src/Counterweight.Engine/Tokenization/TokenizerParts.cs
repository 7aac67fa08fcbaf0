using Counterweight.Engine.Tokenization.Decoders;
using Counterweight.Engine.Tokenization.Normalizers;
using Counterweight.Engine.Tokenization.PreTokenizers;

namespace Counterweight.Engine.Tokenization;

/// <summary>What a tokenizer consists of.</summary>
internal sealed record TokenizerParts
{
    /// <summary>All tokens, the added ones too.</summary>
    public required Vocabulary Vocabulary { get; init; }

    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    /// <summary>Finds added tokens in the text as given, or null where there are none.</summary>
    public AddedTokenSplitter? LiteralTokens { get; init; }

    public Normalizer? Normalizer { get; init; }

    /// <summary>Finds added tokens in normalized text, or null where there are none.</summary>
    public AddedTokenSplitter? NormalizedTokens { get; init; }

    /// <summary>The chain of pre-tokenizers that ends in the model.</summary>
    public required PreTokenizer PreTokenizer { get; init; }

    public required DecoderChain Decoders { get; init; }

    /// <summary>Ids in front of a text with special tokens.</summary>
    public int[] Before { get; init; } = [];

    /// <summary>Ids behind a text with special tokens.</summary>
    public int[] After { get; init; } = [];
}
