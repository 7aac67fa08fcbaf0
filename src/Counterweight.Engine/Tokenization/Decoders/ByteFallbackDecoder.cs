using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace Counterweight.Engine.Tokenization.Decoders;

/// <summary>
/// Runs of tokens <c>&lt;0xNN&gt;</c> become the text that their bytes spell; a run that isn't valid UTF-8 becomes one U+FFFD per byte.
/// </summary>
/// <param name="next">gets the text</param>
/// <param name="isStreaming">hands each character on once it is complete, so a byte that makes the run invalid later
/// doesn't take it back</param>
internal sealed class ByteFallbackDecoder(TokenSink next, bool isStreaming) : DecodingStep(next)
{
    private readonly List<byte> _run = [];

    public override bool IsIncomplete => _run.Count > 0;

    public override void Add(string token)
    {
        if (TryParse(token, out var value))
        {
            _run.Add(value);
            if (isStreaming && Utf8.IsValid(CollectionsMarshal.AsSpan(_run)))
                HandOnRun();
            return;
        }
        HandOnRun();
        Next.Add(token);
    }

    public override void Finish()
    {
        HandOnRun();
        Next.Finish();
    }

    private static bool TryParse(string token, out byte value)
    {
        value = 0;
        return token is ['<', '0', 'x', _, _, '>'] &&
            byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private void HandOnRun()
    {
        if (_run.Count == 0)
            return;
        var bytes = CollectionsMarshal.AsSpan(_run);
        Next.Add(Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : new string('\uFFFD', bytes.Length));
        _run.Clear();
    }
}
