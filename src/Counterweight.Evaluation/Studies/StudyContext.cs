using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Studies;

/// <summary>Loads and importance on one text.</summary>
internal sealed record DomainEstimate(string Name, IReadOnlyList<LoadTrace> Traces, ExpertImportance Importance)
{
    public ExpertLoads Loads => ExpertLoads.Sum([.. Traces.Select(trace => trace.Total)]);
}

/// <summary>What studies share: the model with its original experts, texts, and one calibration for all of them.</summary>
internal sealed class StudyContext(LoadedModel loaded, StudyOptions options, IProgressReporter progress)
{
    private IReadOnlyList<TokenText>? _calibrationTexts, _evaluationTexts;
    private CalibrationResult? _calibration;
    private IReadOnlyList<DomainEstimate>? _domains;

    public StudyOptions Options => options;

    public LoadedModel Loaded => loaded;

    public MoeModel Model => loaded.Model;

    public IProgressReporter Progress => progress;

    public bool Quick => options.Quick;

    /// <summary>For draws that must not depend on those of another purpose.</summary>
    public Random RandomFor(string purpose) => new(SeedFor(purpose));

    /// <summary>A seed that is fixed by the run's seed and the purpose.</summary>
    public int SeedFor(string purpose)
    {
        var hash = (uint)(options.Seed ^ (options.Seed >> 32)) ^ 2166136261;
        foreach (var letter in purpose)
            hash = (hash ^ letter) * 16777619;
        return (int)hash;
    }

    /// <summary>Calibration text, the only text that plans are made from.</summary>
    public IReadOnlyList<TokenText> CalibrationTexts(CancellationToken cancellation) =>
        _calibrationTexts ??= options.Calibration.Read(loaded, progress, cancellation);

    /// <summary>Evaluation text, cut as calibration text is.</summary>
    public IReadOnlyList<TokenText> EvaluationTexts => _evaluationTexts ??= ReadEvaluation();

    /// <summary>Loads and importance of all calibration text, experts at every precision.</summary>
    public CalibrationResult Calibration(CancellationToken cancellation) =>
        _calibration ??= Calibrator().Run(CalibrationTexts(cancellation), cancellation);

    /// <summary>What each calibration text alone tells, with the experts and sensitivities of the full calibration.</summary>
    public IReadOnlyList<DomainEstimate> Domains(CancellationToken cancellation)
    {
        return _domains ??= [.. CalibrationTexts(cancellation).Where(text => text.Tokens > 0).Select(text =>
        {
            var (traces, importance) = Calibrator().Estimate([text], Calibration(cancellation), cancellation);
            return new DomainEstimate(text.Name, traces, importance);
        })];
    }

    public Calibrator Calibrator() => new(Model, new CalibrationOptions
    {
        Seed = options.Seed,
        Precisions = [.. new[] { LowPrecision, Precision.Int8, Precision.Int4 }.Distinct()],
        DistortionTokens = options.Quick ? 4096 : 16384,
        SensitivityTokens = options.Quick ? 1024 : 3072,
    }, new StepProgress(progress).Report);

    /// <summary>What the paper quantizes to: fp16 for fp32 checkpoints, LLM.int8() for others.</summary>
    public Precision LowPrecision => Model.OriginalExperts.StoredPrecision == Precision.Fp32 ? Precision.Fp16 : Precision.LlmInt8;

    /// <summary>Puts the checkpoint's own experts back.</summary>
    public void LoadOriginal() => Model.LoadExperts(Model.OriginalLayers(), Model.OriginalExperts, () => SplitPolicies.Create("even"), CancellationToken.None);

    /// <summary>A request for a plan from the full calibration.</summary>
    public PlanRequest Request(CancellationToken cancellation)
    {
        var calibration = Calibration(cancellation);
        return new PlanRequest
        {
            Model = Model.Fingerprint,
            Traces = calibration.Traces,
            Costs = calibration.Costs,
            Importance = calibration.Importance,
            Seed = options.Seed,
        };
    }

    /// <summary>All text of files, in sequences.</summary>
    public IReadOnlyList<TokenText> ReadAll(IReadOnlyList<string> files) =>
        CalibrationText.Read(files, loaded.Tokenizer, PrefixToken.Of(loaded).Id, Model.Shape.MaxPositions);

    private IReadOnlyList<TokenText> ReadEvaluation()
    {
        var texts = ReadAll(options.EvaluationFiles);
        return options.EvaluationTokens is { } tokens
            ? [.. texts.Select(text => CalibrationText.Sample([text], tokens, options.Seed)[0])]
            : texts;
    }
}
