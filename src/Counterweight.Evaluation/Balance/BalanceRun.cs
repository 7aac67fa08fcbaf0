using System.Diagnostics;
using System.Globalization;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Statistics;

namespace Counterweight.Evaluation.Balance;

/// <summary>
/// The main job: calibrate, plan, apply, evaluate before and after, report, write. Planning gets calibration results alone; evaluation
/// files are first opened after the plan stands.
/// </summary>
public sealed class BalanceRun(BalanceOptions options, IProgressReporter progress, Action<string> warn)
{
    private readonly Dictionary<string, double> _seconds = [];

    /// <summary>Runs everything and writes the folder <see cref="BalanceOptions.Out"/>.</summary>
    /// <exception cref="Balancing.InvalidInputException">An option, file or model that cannot be used; nothing is written.</exception>
    public BalanceReport Run(CancellationToken cancellation = default)
    {
        options.Validate();
        using var loaded = Timed("load", () => LoadedModel.Open(options.Model, new LoadOptions { Original = true, Threads = options.Threads, Split = options.Split }, warn));
        var texts = Timed("read text", () => options.Calibration.Read(loaded, progress, cancellation));
        var calibrator = new Calibrator(loaded.Model, new CalibrationOptions { Seed = options.Seed, Precisions = options.Precisions ?? DefaultPrecisions() }, new StepProgress(progress).Report);
        var calibration = Timed("calibrate", () => calibrator.Run(texts, cancellation));
        var tenth = Timed("compare a tenth", () => CompareTenth(calibrator, texts, calibration, cancellation));
        var plan = Timed("plan", () => MakePlan(loaded.Model, calibration));

        var measurement = new ModelMeasurement(loaded, options, calibration.Traces, progress);
        var before = Timed("evaluate before", () => measurement.Run(null, "before", cancellation));
        loaded.Model.LoadExperts(plan.Layers, calibration.Experts, () => SplitPolicies.Create(options.Split), cancellation);
        var after = Timed("evaluate after", () => measurement.Run(plan, "after", cancellation));

        var (figuresBefore, figuresAfter) = Timed("compare speed", () =>
            new SpeedComparison(loaded.Model, plan, calibration.Experts, options.Split).AddTo(before.Figures, after.Figures, cancellation));
        before = before with { Figures = figuresBefore };
        after = after with { Figures = figuresAfter };

        var report = Report(loaded.Model, texts, calibration, tenth, plan, before, after);
        Timed("write", () => BalanceOutput.Write(options.Out, report, loaded, plan, calibration));
        return report with { Seconds = _seconds };
    }

    private TenthAgreement CompareTenth(Calibrator calibrator, IReadOnlyList<TokenText> texts, CalibrationResult calibration, CancellationToken cancellation)
    {
        var tenth = CalibrationText.Sample(texts, texts.Sum(text => text.Tokens) / 10, options.Seed);
        var (traces, importance) = calibrator.Estimate(tenth, calibration, cancellation);
        return Agreement.OfTenth(tenth.Sum(text => text.Tokens), Total(traces), Total(calibration.Traces), importance, calibration.Importance);
    }

    private Plan MakePlan(MoeModel model, CalibrationResult calibration)
    {
        var request = new PlanRequest
        {
            Model = model.Fingerprint,
            Traces = calibration.Traces,
            Costs = calibration.Costs,
            Importance = calibration.Importance,
            Budget = options.Budget,
            Devices = options.Devices,
            Precisions = options.Precisions,
            Seed = options.Seed,
        };
        return PlanPolicies.Create(options.Policy, options.PolicyOptions).Create(options.MaxLoss is { } loss ? request with { MaxLoss = loss } : request);
    }

    private BalanceReport Report(
        MoeModel model, IReadOnlyList<TokenText> texts, CalibrationResult calibration, TenthAgreement tenth, Plan plan, MeasuredModel before, MeasuredModel after)
    {
        var perplexity = PerplexityComparison.Of(before.Perplexity, after.Perplexity);
        var detail = new BalanceDetail
        {
            OriginalPrecision = model.OriginalExperts.StoredPrecision,
            CalibrationLoads = BalanceDetail.Rows(Total(calibration.Traces)),
            EvaluationLoads = BalanceDetail.Rows(before.Loads),
            Slots = [.. plan.Layers.Select((layer, l) => layer.Slots.Select((slot, s) => new SlotLoad(slot.Expert, slot.Precision, slot.Device, after.SlotLoads[l][s])).ToArray())],
            Importance = Agreement.Estimators(calibration.Importance),
            BytesByPrecisionBefore = before.BytesByPrecision,
            BytesByPrecisionAfter = after.BytesByPrecision,
        };
        return new BalanceReport
        {
            Model = options.Model,
            Cpu = Machine.Describe(model.Context),
            Policy = plan.Policy.Name,
            Seed = options.Seed,
            Before = before.Figures,
            After = after.Figures,
            Change = BalanceChange.Between(before.Figures, after.Figures, detail, PerplexityDifference(perplexity), TaskFigures.Differences(options.Tasks, before.Tasks, after.Tasks)),
            Estimates = new CalibrationEstimates(
                texts.Sum(text => (long)text.Tokens), options.Seed, tenth, Agreement.WithLoad(Total(calibration.Traces), calibration.Importance),
                plan.Forecast.Loss, perplexity.NatsPerToken.Value),
            Detail = detail,
            Provenance = Provenance(model, texts, plan, before),
            Seconds = _seconds,
        };
    }

    private ReportProvenance Provenance(MoeModel model, IReadOnlyList<TokenText> texts, Plan plan, MeasuredModel before) => new(
        typeof(BalanceRun).Assembly.GetName().Version!.ToString(3),
        options.Command,
        new Dictionary<string, string>(plan.Policy.Options)
        {
            ["budget"] = options.Budget.ToString(CultureInfo.InvariantCulture),
            ["devices"] = options.Devices.ToString(CultureInfo.InvariantCulture),
            ["split"] = options.Split,
        },
        [.. texts.Select((text, i) => new TextSource(text.Name, text.Tokens, options.SelfTokens > 0 ? null : TextFiles.Hash(options.CalibrationFiles[i])))],
        [.. options.EvaluationFiles.Select((file, i) => new TextSource(file, before.Perplexity.Files[i].Total.Tokens, TextFiles.Hash(file)))],
        model.Fingerprint);

    private static PairedDifference PerplexityDifference(PerplexityComparison comparison)
    {
        var (low, high) = comparison.RatioInterval;
        return new PairedDifference(
            comparison.After - comparison.Before, comparison.Before * comparison.NatsPerToken.StandardError,
            comparison.Before * (low - 1), comparison.Before * (high - 1));
    }

    private IReadOnlyList<Precision> DefaultPrecisions() => options.Policy == "paper" ? [Precision.LlmInt8] : [Precision.Int8, Precision.Int4];

    private static ExpertLoads Total(IReadOnlyList<LoadTrace> traces) => ExpertLoads.Sum([.. traces.Select(trace => trace.Total)]);

    private T Timed<T>(string step, Func<T> work)
    {
        var clock = Stopwatch.StartNew();
        var result = work();
        _seconds[step] = clock.Elapsed.TotalSeconds;
        return result;
    }

    private void Timed(string step, Action work) => Timed(step, () =>
    {
        work();
        return 0;
    });
}
