namespace Counterweight.Engine.Tokenization.PreTokenizers;

/// <summary>
/// A step on the way from text to words. The steps form a chain that a piece of text runs through depth first, down to the model:
/// no step keeps lists of pieces, so a long text costs no memory beyond its ids.
/// </summary>
internal abstract class PreTokenizer
{
    /// <summary>Appends the ids of the piece.</summary>
    /// <param name="piece">valid UTF-16</param>
    /// <param name="atTextStart">whether the whole text starts with this piece</param>
    /// <param name="ids">what the model appends to</param>
    public abstract void Encode(ReadOnlySpan<char> piece, bool atTextStart, List<int> ids);
}
