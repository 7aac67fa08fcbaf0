using Counterweight.Balancing;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Balance;

/// <summary>How a model folder's texts become requests.</summary>
public static class Requests
{
    /// <summary>The id in front of a text without context: BOS, else EOS.</summary>
    /// <exception cref="InvalidInputException">The config has neither.</exception>
    public static int PrefixOf(ModelShape shape) =>
        shape.BosToken ?? (shape.EosTokens.Count > 0
            ? shape.EosTokens[0]
            : throw new InvalidInputException("config.json", "neither bos_token_id nor eos_token_id", "one of them, to start a text with"));

    /// <summary>The tokenizer of requests for a model.</summary>
    public static RequestTokenizer TokenizerOf(LoadedModel loaded)
    {
        var prefix = PrefixOf(loaded.Model.Shape);
        var tokenizer = loaded.Tokenizer;
        return new RequestTokenizer((text, special) => tokenizer.Encode(text, special), prefix, tokenizer.TokenOf(prefix), loaded.Model.Shape.MaxPositions);
    }
}
