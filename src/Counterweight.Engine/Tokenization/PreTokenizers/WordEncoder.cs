using Counterweight.Engine.Tokenization.Models;

namespace Counterweight.Engine.Tokenization.PreTokenizers;

/// <summary>The end of the chain: what arrives here is one word for the model.</summary>
internal sealed class WordEncoder(IWordModel model) : PreTokenizer
{
    public override void Encode(ReadOnlySpan<char> piece, bool atTextStart, List<int> ids) => model.Encode(piece, ids);
}
