namespace Counterweight.Engine.Tokenization.Models;

/// <summary>Cuts one word after another into tokens. Safe for concurrent use.</summary>
internal interface IWordModel
{
    /// <summary>Appends the ids of the word, which holds no lone surrogates.</summary>
    void Encode(ReadOnlySpan<char> word, List<int> ids);
}
