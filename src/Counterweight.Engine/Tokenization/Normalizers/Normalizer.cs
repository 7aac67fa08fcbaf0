namespace Counterweight.Engine.Tokenization.Normalizers;

/// <summary>Rewrites a text before it is cut into words.</summary>
internal abstract class Normalizer
{
    /// <param name="text">valid UTF-16</param>
    public abstract string Normalize(string text);
}

/// <summary>Puts <paramref name="prefix"/> in front of every text that isn't empty.</summary>
internal sealed class Prepend(string prefix) : Normalizer
{
    public override string Normalize(string text) => text.Length == 0 ? text : prefix + text;
}

/// <summary>Replaces one string by another.</summary>
internal sealed class Replace(string pattern, string content) : Normalizer
{
    public override string Normalize(string text) => text.Replace(pattern, content, StringComparison.Ordinal);
}

/// <summary>Takes whitespace off the ends.</summary>
internal sealed class Strip(bool left, bool right) : Normalizer
{
    public override string Normalize(string text)
    {
        text = left ? text.TrimStart() : text;
        return right ? text.TrimEnd() : text;
    }
}

/// <summary>One after the other.</summary>
internal sealed class NormalizerSequence(Normalizer[] normalizers) : Normalizer
{
    public override string Normalize(string text) => normalizers.Aggregate(text, (current, normalizer) => normalizer.Normalize(current));
}
