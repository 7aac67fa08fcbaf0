using Counterweight.Balancing;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Streaming;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Generation;
using Counterweight.Evaluation.Routing;
using Counterweight.Evaluation.Studies.BatchSize;

namespace Counterweight.Evaluation.Studies.Streaming;

/// <summary>Evaluation text cut into units of equal length, with the loads that each makes at prefill and when it is continued.</summary>
internal sealed class StreamMaterial
{
    private const int LongestUnit = 512, ShortestUnit = 16;

    private StreamMaterial(IReadOnlyList<TokenText> texts, StreamShape shape, int unitTokens)
    {
        (Domains, Shape, UnitTokens) = ([.. texts.Select(text => text.Name)], shape, unitTokens);
        // What a stream can use of a domain where all are used alike.
        var most = shape.Windows * shape.Units * ((shape.Segments + texts.Count - 1) / texts.Count);
        Units = [.. texts.Select(text => Cut(text, unitTokens).Take(most).ToArray())];
    }

    /// <summary>Names of the domains.</summary>
    public IReadOnlyList<string> Domains { get; }

    /// <summary>Token ids: pieces of documents, [domains][units][pieces][tokens].</summary>
    public int[][][][] Units { get; }

    /// <summary>Length and grain of streams.</summary>
    public StreamShape Shape { get; }

    /// <summary>Tokens of a unit.</summary>
    public int UnitTokens { get; }

    /// <summary>Loads of the units as prompts, [domains][units].</summary>
    public IReadOnlyList<IReadOnlyList<ExpertLoads>> Prefill { get; private set; } = [];

    /// <summary>Loads of the second half of each piece where the model writes it itself, [domains][units].</summary>
    public IReadOnlyList<IReadOnlyList<ExpertLoads>> Decode { get; private set; } = [];

    /// <summary>All of the evaluation text; units are as long as lets no text come twice within a segment.</summary>
    /// <exception cref="InvalidInputException">Fewer than two texts are long enough.</exception>
    public static StreamMaterial Of(StudyContext context, CancellationToken cancellation)
    {
        var shape = new StreamShape { Seed = context.Options.Seed };
        var needed = shape.Windows * shape.Units;
        var texts = context.ReadAll(context.Options.EvaluationFiles).Where(text => text.Tokens >= needed * ShortestUnit).ToArray();
        if (texts.Length < 2)
            throw new InvalidInputException("--eval-text", $"{texts.Length} files of {needed * ShortestUnit} tokens or more", "at least two, for traffic that changes");
        var material = new StreamMaterial(texts, shape, Math.Min(LongestUnit, texts.Min(text => text.Tokens) / needed));
        material.Record(context, cancellation);
        return material;
    }

    /// <summary>Cuts a text at the ends of its documents and of units.</summary>
    public static IEnumerable<int[][]> Cut(TokenText text, int unitTokens)
    {
        var (pieces, missing) = (new List<int[]>(), unitTokens);
        foreach (var sequence in text.Sequences)
            for (var first = 0; first < sequence.Length;)
            {
                var length = Math.Min(missing, sequence.Length - first);
                pieces.Add(sequence[first..(first + length)]);
                (first, missing) = (first + length, missing - length);
                if (missing > 0)
                    continue;
                yield return [.. pieces];
                pieces.Clear();
                missing = unitTokens;
            }
    }

    private void Record(StudyContext context, CancellationToken cancellation)
    {
        int[][] pieces = [.. Units.SelectMany(domain => domain).SelectMany(unit => unit)];
        var prompts = Array.ConvertAll(pieces, piece => new Prompt("", piece[..((piece.Length + 1) / 2)]));
        using var work = context.Progress.Begin("Recording loads of the streams", pieces.Sum(piece => 2L * piece.Length + piece.Length / 2));
        var prefill = RoutedSequences.Of(context.Model, pieces, tokens => work.Advance(tokens), cancellation);
        var continued = Prompts.Continue(context.Model, prompts, i => pieces[i].Length / 2, i => new SamplingOptions { Seed = context.Options.Seed + (ulong)i }, tokens => work.Advance(tokens), cancellation);
        var decode = RoutedSequences.Of(context.Model, continued, tokens => work.Advance(tokens), cancellation);
        Prefill = Loads(prefill, piece => 0);
        Decode = Loads(decode, piece => (pieces[piece].Length + 1) / 2);
    }

    private ExpertLoads[][] Loads(RoutedSequences routed, Func<int, int> first)
    {
        var piece = 0;
        return [.. Units.Select(domain => domain.Select(unit =>
        {
            var loads = new ExpertLoads(routed.Layers, routed.Experts);
            foreach (var _ in unit)
                routed.AddTo(loads, piece, first(piece++));
            return loads;
        }).ToArray())];
    }
}
