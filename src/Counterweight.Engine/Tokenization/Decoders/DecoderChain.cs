using System.Text;

namespace Counterweight.Engine.Tokenization.Decoders;

/// <summary>Makes one step of a chain for one sequence of tokens.</summary>
/// <param name="next">what the step hands on to</param>
/// <param name="isStreaming">whether text is taken away while tokens still come</param>
internal delegate TokenSink DecodingStepFactory(TokenSink next, bool isStreaming);

/// <summary>The steps from tokens to text, in the order of the file.</summary>
internal sealed class DecoderChain(IReadOnlyList<DecodingStepFactory> steps)
{
    /// <summary>A fresh chain that writes to <paramref name="text"/>.</summary>
    public TokenSink Start(StringBuilder text, bool isStreaming) =>
        steps.Reverse().Aggregate((TokenSink)new TextSink(text), (next, step) => step(next, isStreaming));
}
