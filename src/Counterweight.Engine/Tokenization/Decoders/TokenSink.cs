using System.Text;

namespace Counterweight.Engine.Tokenization.Decoders;

/// <summary>A step on the way from tokens to text; one instance serves one sequence of tokens.</summary>
internal abstract class TokenSink
{
    /// <summary>Whether bytes wait for the rest of their character.</summary>
    public abstract bool IsIncomplete { get; }

    /// <summary>Takes the next token, or what the step before made of it.</summary>
    public abstract void Add(string token);

    /// <summary>No token follows: what is incomplete becomes U+FFFD.</summary>
    public abstract void Finish();
}

/// <summary>A step in the middle: hands on to <paramref name="next"/>.</summary>
internal abstract class DecodingStep(TokenSink next) : TokenSink
{
    public override bool IsIncomplete => Next.IsIncomplete;

    public override void Finish() => Next.Finish();

    protected TokenSink Next => next;
}

/// <summary>The end of the way: collects text.</summary>
internal sealed class TextSink(StringBuilder text) : TokenSink
{
    public override bool IsIncomplete => false;

    public override void Add(string token) => text.Append(token);

    public override void Finish()
    {
    }
}
