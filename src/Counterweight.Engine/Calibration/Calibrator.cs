using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Calibration;

/// <summary>How calibration measures.</summary>
public sealed record CalibrationOptions
{
    /// <summary>Fraction of entries that the Wanda readings average, above 0 to 1; default 0.5. The paper does not name its value.</summary>
    public double WandaFraction { get; init; } = 0.5;

    /// <summary>Tokens on which the output distortion of every expert at every precision is measured, 256 or more; default 16384.</summary>
    public int DistortionTokens { get; init; } = 16384;

    /// <summary>Tokens on which the sensitivity of the layers is measured, 256 or more; default 3072.</summary>
    public int SensitivityTokens { get; init; } = 3072;

    /// <summary>Precisions that copies may get; default int8 and int4. Int4 is always measured: the sensitivity of the layers comes from it.</summary>
    public IReadOnlyList<Precision> Precisions { get; init; } = [Precision.Int8, Precision.Int4];

    /// <summary>Draws the tokens of the two above.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>What calibration text told of a model.</summary>
/// <param name="Traces">Prefill loads by text, a window for each pass.</param>
/// <param name="Decoding">Loads of generating from the beginnings of each text, one window each.</param>
/// <param name="Experts">The experts at every precision, errors compensated with the statistics.</param>
/// <param name="Importance">Wanda readings and predicted losses.</param>
/// <param name="Sensitivity">Nats per token per unit of distortion, [MoE layers].</param>
/// <param name="Costs">Bytes of an expert by precision.</param>
public sealed record CalibrationResult(
    IReadOnlyList<LoadTrace> Traces,
    IReadOnlyList<LoadTrace> Decoding,
    QuantizedExperts Experts,
    ExpertImportance Importance,
    double[] Sensitivity,
    ExpertCosts Costs);

/// <summary>Runs calibration text through a model as its checkpoint has it: loads, what experts are given, what precision costs them.</summary>
public sealed class Calibrator(MoeModel model, CalibrationOptions options, Action<string, int, int>? progress = null)
{
    private const int TokensPerPass = 4096;
    private const int DecodedSequences = 8;
    private const int DecodePromptTokens = 64;
    private const int DecodedTokens = 24;

    private readonly ModelShape _shape = model.Shape;

    /// <summary>Measures everything. The model's experts must be loaded as in <see cref="MoeModel.OriginalLayers"/>.</summary>
    public CalibrationResult Run(IReadOnlyList<TokenText> texts, CancellationToken cancellation = default)
    {
        var (traces, statistics) = Observe(texts, moments: true, cancellation);
        var experts = QuantizedExperts.Make(model, statistics, Measured(), Step, cancellation);
        var distortion = MeasureDistortion(CalibrationText.Sample(texts, options.DistortionTokens, options.Seed), experts, cancellation);
        using var probe = new SensitivityProbe(model, experts);
        var sensitivity = probe.Measure(
            CalibrationText.Sample(texts, options.SensitivityTokens, options.Seed), distortion[Precision.Int4], Step, cancellation);
        return new CalibrationResult(traces, RecordDecoding(texts, cancellation), experts, Importance(statistics, distortion, sensitivity), sensitivity, model.ExpertCosts);
    }

    /// <summary>What less text would have told: loads and importance of other texts with the experts and sensitivities of a full run.</summary>
    public (IReadOnlyList<LoadTrace> Traces, ExpertImportance Importance) Estimate(
        IReadOnlyList<TokenText> texts, CalibrationResult full, CancellationToken cancellation = default)
    {
        var (traces, statistics) = Observe(texts, moments: false, cancellation);
        return (traces, Importance(statistics, MeasureDistortion(texts, full.Experts, cancellation), full.Sensitivity));
    }

    /// <summary>The experts in these precisions, their errors compensated for what the texts give them; nothing else is measured.</summary>
    public QuantizedExperts Quantize(IReadOnlyList<TokenText> texts, IEnumerable<Precision> precisions, CancellationToken cancellation = default) =>
        QuantizedExperts.Make(model, Observe(texts, moments: true, cancellation).Statistics, precisions, Step, cancellation);

    private (IReadOnlyList<LoadTrace> Traces, ActivationStatistics Statistics) Observe(IReadOnlyList<TokenText> texts, bool moments, CancellationToken cancellation)
    {
        var statistics = new ActivationStatistics(
            model.Context.Kernel, _shape.MoeLayers.Count, _shape.Experts, _shape.Hidden, (layer, expert) => model.ExpertPlaces(layer, expert).Down.Inputs, moments);
        model.Observer = statistics;
        try
        {
            return (RecordLoads(texts, cancellation), statistics);
        }
        finally
        {
            model.Observer = null;
        }
    }

    private ExpertImportance Importance(ActivationStatistics statistics, Dictionary<Precision, double[][]> distortion, double[] sensitivity) => new(
        Wanda(statistics, (scores, _) => WandaScore.ProseBottom(scores, options.WandaFraction)),
        Wanda(statistics, (scores, inputs) => WandaScore.ListingTop(scores, inputs, options.WandaFraction)),
        distortion.ToDictionary(entry => entry.Key, entry => Scaled(entry.Value, sensitivity)),
        PerExpert((layer, expert) => statistics[layer, expert].GateShare()))
    {
        WandaTopFraction = Wanda(statistics, (scores, _) => WandaScore.TopFraction(scores, options.WandaFraction)),
    };

    /// <summary>Prefill loads alone.</summary>
    public IReadOnlyList<LoadTrace> RecordLoads(IReadOnlyList<TokenText> texts, CancellationToken cancellation = default)
    {
        var done = 0;
        var total = texts.Sum(text => text.Tokens);
        var traces = new List<LoadTrace>();
        try
        {
            foreach (var text in texts)
            {
                var windows = new List<ExpertLoads>();
                foreach (var pass in Passes(text.Sequences))
                {
                    cancellation.ThrowIfCancellationRequested();
                    model.Recorder = new LoadRecorder(model.Banks);
                    RunPass(pass);
                    windows.Add(model.Recorder.Prefill);
                    Step("Calibrating", done += pass.Sum(sequence => sequence.Length), total);
                }
                traces.Add(new LoadTrace(text.Name, windows, LoadPhase.Prefill));
            }
        }
        finally
        {
            model.Recorder = null;
        }
        return traces;
    }

    /// <summary>Loads of greedy generation from the beginnings of each text: expert choice at decoding differs from that at prefill.</summary>
    public IReadOnlyList<LoadTrace> RecordDecoding(IReadOnlyList<TokenText> texts, CancellationToken cancellation = default)
    {
        var traces = new List<LoadTrace>();
        try
        {
            foreach (var text in texts)
            {
                var requests = text.Sequences.Where(sequence => sequence.Length > 1).Take(DecodedSequences).Select(sequence => new GenerationRequest(
                    sequence[..Math.Min(sequence.Length / 2, DecodePromptTokens)], DecodedTokens, SamplingOptions.Greedy, IgnoreEnd: true)).ToArray();
                if (requests.Length == 0)
                    continue;
                model.Recorder = new LoadRecorder(model.Banks);
                using var session = new GenerationSession(model, requests);
                for (var tokens = new List<GeneratedToken>(); !session.Done; tokens.Clear())
                {
                    cancellation.ThrowIfCancellationRequested();
                    session.Step(tokens);
                }
                traces.Add(new LoadTrace(text.Name, [model.Recorder.Decode], LoadPhase.Decode));
                Step("Recording decoding", traces.Count, texts.Count);
            }
        }
        finally
        {
            model.Recorder = null;
        }
        return traces;
    }

    private Precision[] Measured() => [.. options.Precisions.Where(p => p != model.OriginalExperts.StoredPrecision).Append(Precision.Int4).Distinct().Order()];

    private Dictionary<Precision, double[][]> MeasureDistortion(IReadOnlyList<TokenText> texts, QuantizedExperts experts, CancellationToken cancellation)
    {
        using var observer = new DistortionObserver(model, Measured(), experts, cancellation);
        var sequences = texts.SelectMany(text => text.Sequences).ToArray();
        var tokens = sequences.Sum(sequence => sequence.Length);
        var done = 0;
        model.Observer = observer;
        try
        {
            foreach (var pass in Passes(sequences))
            {
                cancellation.ThrowIfCancellationRequested();
                RunPass(pass);
                Step("Measuring distortion", done += pass.Sum(sequence => sequence.Length), tokens);
            }
        }
        finally
        {
            model.Observer = null;
        }
        return observer.Distortion.ToDictionary(entry => entry.Key, entry => entry.Value.Select(layer => layer.Select(sum => sum / tokens).ToArray()).ToArray());
    }

    private void RunPass(IReadOnlyList<int[]> sequences)
    {
        var batch = new Batch();
        foreach (var sequence in sequences)
            model.AddText(batch, model.NewSequence(), sequence);
        model.Forward(batch);
        for (var s = 0; s < batch.Sequences; s++)
            batch[s].Cache.Dispose();
    }

    private static IEnumerable<IReadOnlyList<int[]>> Passes(IEnumerable<int[]> sequences)
    {
        var pass = new List<int[]>();
        var tokens = 0;
        foreach (var sequence in sequences)
        {
            if (pass.Count > 0 && tokens + sequence.Length > TokensPerPass)
            {
                yield return pass;
                (pass, tokens) = ([], 0);
            }
            pass.Add(sequence);
            tokens += sequence.Length;
        }
        if (pass.Count > 0)
            yield return pass;
    }

    /// <summary>Mean of the matrices' scores, each with the norms of its own inputs.</summary>
    private double[][] Wanda(ActivationStatistics statistics, Func<float[], int, double> reading) => PerExpert((layer, expert) =>
    {
        var weights = model.OriginalExperts.Get(layer, expert, model.OriginalExperts.StoredPrecision);
        var seen = statistics[layer, expert];
        var inputs = Norms(statistics.LayerInputSquares(layer, _shape.TopK));
        return weights.Matrices.Average(matrix => Score(matrix, ReferenceEquals(matrix, weights.Down) ? Norms(seen.HiddenSquares) : inputs));

        double Score(QuantizedMatrix matrix, float[] norms) => reading(WandaScore.Scores(Quantizer.Dequantize(matrix), norms), matrix.Inputs);
    });

    private static float[] Norms(double[] squares) => [.. squares.Select(square => (float)Math.Sqrt(square))];

    private T[][] PerExpert<T>(Func<int, int, T> of)
    {
        var result = Enumerable.Range(0, _shape.MoeLayers.Count).Select(_ => new T[_shape.Experts]).ToArray();
        model.Context.Pool.Run(new ItemWork((item, _) => result[item / _shape.Experts][item % _shape.Experts] = of(item / _shape.Experts, item % _shape.Experts)), _shape.MoeLayers.Count * _shape.Experts);
        return result;
    }

    private static double[][] Scaled(double[][] values, double[] factors) =>
        [.. values.Select((layer, l) => layer.Select(value => value * factors[l]).ToArray())];

    private void Step(string what, int done, int total) => progress?.Invoke(what, done, total);
}
