namespace Counterweight.Evaluation.Scoring;

/// <summary>Cuts a text's ids into windows that predict each id once.</summary>
internal static class RollingWindows
{
    public static TokenRequest[] Of(int[] ids, int prefixToken, int maxLength)
    {
        var windows = new TokenRequest[(ids.Length + maxLength - 1) / maxLength];
        for (var window = 0; window < windows.Length; window++)
        {
            var start = window * maxLength;
            var end = Math.Min(start + maxLength, ids.Length);
            int[] input = window == 0 ? [prefixToken, .. ids.AsSpan(..(end - 1))] : ids[(end - 1 - maxLength)..(end - 1)];
            windows[window] = new TokenRequest(input, ids[start..end]);
        }
        return windows;
    }

    /// <summary>Windows of which the second half is predicted from the first, as calibration runs them; a token alone has nothing to predict.</summary>
    public static TokenRequest[] Halves(int[] ids, int maxLength) => [.. ids.Chunk(maxLength).Where(piece => piece.Length > 1).Select(piece => Whole(piece, hasEncoder: true))];

    /// <summary>A sequence of two tokens or more with nothing before it: a decoder predicts all but the first, an encoder-decoder reads the first half and predicts the second.</summary>
    public static TokenRequest Whole(int[] ids, bool hasEncoder) => new(ids[..^1], ids[(hasEncoder ? (ids.Length + 1) / 2 : 1)..]);
}
