using Counterweight.Engine.Tokenization;

namespace Counterweight.Engine.Calibration;

/// <summary>The token sequences of one kind of text.</summary>
/// <param name="Name">File name without its ending.</param>
/// <param name="Sequences">Each at most as long as the model's longest input, starting with the prefix token if there is one.</param>
public sealed record TokenText(string Name, IReadOnlyList<int[]> Sequences)
{
    /// <summary>Number of tokens.</summary>
    public int Tokens => Sequences.Sum(sequence => sequence.Length);
}

/// <summary>Cuts text files into the sequences that calibration runs on.</summary>
public static class CalibrationText
{
    /// <summary>Reads files: documents apart, each cut into pieces of at most <paramref name="maxLength"/> tokens.</summary>
    /// <param name="files">Text files, UTF-8.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="prefix">Token that every document starts with; null for none.</param>
    /// <param name="maxLength">The model's longest input.</param>
    public static IReadOnlyList<TokenText> Read(IReadOnlyList<string> files, Tokenizer tokenizer, int? prefix, int maxLength)
    {
        var texts = new List<TokenText>();
        foreach (var file in files)
        {
            var sequences = TextDocuments.Read(file)
                .SelectMany(document => ((int[])[.. prefix is { } id ? [id] : Array.Empty<int>(), .. tokenizer.Encode(document, false)]).Chunk(maxLength))
                .ToArray();
            texts.Add(new TokenText(Path.GetFileNameWithoutExtension(file), sequences));
        }
        return texts;
    }

    /// <summary>
    /// At most <paramref name="tokens"/> tokens, drawn by <paramref name="seed"/>: whole sequences, from every text in proportion to its length.
    /// </summary>
    public static IReadOnlyList<TokenText> Sample(IReadOnlyList<TokenText> texts, int tokens, ulong seed)
    {
        var total = texts.Sum(text => (long)text.Tokens);
        if (total <= tokens)
            return texts;
        var random = new Random((int)(seed ^ (seed >> 32)));
        return [.. texts.Select(text => text with { Sequences = Draw(text.Sequences, (int)Math.Max(1, text.Tokens * (double)tokens / total), random) })];
    }

    private static int[][] Draw(IReadOnlyList<int[]> sequences, int tokens, Random random)
    {
        var order = Enumerable.Range(0, sequences.Count).ToArray();
        random.Shuffle(order);
        var drawn = new List<int[]>();
        foreach (var i in order)
        {
            if (tokens <= 0)
                break;
            drawn.Add(sequences[i].Length <= tokens ? sequences[i] : sequences[i][..tokens]);
            tokens -= drawn[^1].Length;
        }
        return [.. drawn];
    }
}
