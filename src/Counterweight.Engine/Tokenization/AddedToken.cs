namespace Counterweight.Engine.Tokenization;

/// <summary>A token that is cut out of the text before the model sees it.</summary>
/// <param name="Content">the text that stands for the token</param>
/// <param name="Id">its id</param>
/// <param name="SingleWord">matches only where no word character touches it</param>
/// <param name="StripLeft">swallows the whitespace before it</param>
/// <param name="StripRight">swallows the whitespace after it</param>
/// <param name="Normalized">is looked for in the normalized text, in its normalized form</param>
/// <param name="Special">left out by a decoder that skips special tokens</param>
internal sealed record AddedToken(
    string Content, int Id, bool SingleWord, bool StripLeft, bool StripRight, bool Normalized, bool Special);
