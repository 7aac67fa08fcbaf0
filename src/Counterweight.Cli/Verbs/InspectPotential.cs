using System.CommandLine;
using Counterweight.Balancing;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Cli.Output;
using Counterweight.Engine.Models;
using Counterweight.Evaluation;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Cli.Verbs;

/// <summary>What <c>inspect</c> says of the gain that balancing a model could bring, on loads that were recorded or that a short text makes.</summary>
internal sealed class InspectPotential
{
    private readonly Option<string[]> _loads = new("--loads") { Description = "Recorded loads of the model, to forecast what balancing gains on them", AllowMultipleArgumentsPerToken = true };
    private readonly CalibrationOptionSet _text = new(defaultText: "none, nothing is measured", defaultTokens: 4096);

    public void AddTo(Command command)
    {
        command.Add(_loads);
        _text.AddTo(command);
    }

    /// <summary>Whether loads are to be had.</summary>
    public bool IsAsked(ParseResult parsed) => CommonOptions.Given(parsed, _loads) is not null || _text.IsGiven(parsed);

    /// <summary>The gain, or null where no loads are asked for.</summary>
    public LoadPotential? Of(string model, ModelSummary summary, ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        if (!IsAsked(parsed))
            return null;
        var files = CommonOptions.Given(parsed, _loads);
        if (files is not null && _text.IsGiven(parsed))
            throw new InvalidInputException("--loads", "also a text", "recorded loads or a text");
        if (summary.IsBalanced)
            throw new InvalidInputException(model, "a balanced checkpoint", "the original model");
        var traces = files is not null ? Recorded(files, summary.Fingerprint) : terminal.WithProgress(progress => Measured(model, parsed, progress, terminal.Warn, cancellation));
        return LoadPotential.Of(summary, traces);
    }

    private IReadOnlyList<LoadTrace> Measured(string model, ParseResult parsed, IProgressReporter progress, Action<string> warn, CancellationToken cancellation)
    {
        var source = _text.Source(parsed);
        source.Validate();
        using var loaded = LoadedModel.Open(model, new LoadOptions { Original = true }, warn);
        return LoadRecording.Prefill(loaded, source, progress, cancellation);
    }

    private static IReadOnlyList<LoadTrace> Recorded(string[] files, ModelFingerprint model)
    {
        var options = new ImportOptions { DenseLayers = model.MoeLayers[0], Experts = model.Experts };
        var all = files.SelectMany(file => LoadsImport.Read(file, options).Select(loads => (File: file, Loads: loads))).ToArray();
        foreach (var (file, loads) in all)
            if (!loads.MoeLayers.SequenceEqual(model.MoeLayers) || loads.Trace.Total.Experts != model.Experts)
                throw new InvalidInputException(
                    file, $"layers {loads.MoeLayers[0]} to {loads.MoeLayers[^1]} of {loads.Trace.Total.Experts} experts",
                    $"layers {model.MoeLayers[0]} to {model.MoeLayers[^1]} of {model.Experts} experts, as the model has");
        return [.. all.Select(entry => entry.Loads.Trace)];
    }
}

/// <summary>How uneven loads are, and what copies in lower precisions would make of them at equal bytes.</summary>
internal sealed record LoadPotential(IReadOnlyList<string> Traffic, LayerScores Lis, IReadOnlyList<PrecisionPotential> Forecasts)
{
    public static LoadPotential Of(ModelSummary summary, IReadOnlyList<LoadTrace> traces)
    {
        var total = ExpertLoads.Sum([.. traces.Select(trace => trace.Total)]);
        var plans = EqualBytes.Plans(summary.Costs, summary.Fingerprint, traces);
        return new LoadPotential(
            [.. traces.Select(trace => trace.Name).Distinct()],
            LayerScores.Over([.. Enumerable.Range(0, total.Layers).Select(l => LoadImbalance.MaxOverMean(total[l]))]),
            [.. plans.Select(entry => PrecisionPotential.Of(entry.Precision, entry.Plan))]);
    }

    public IEnumerable<(string, string)> Rows()
    {
        yield return ("loads", string.Join(", ", Traffic));
        yield return ("LIS", $"{FigureText.Score(Lis.Mean)} mean, {FigureText.Score(Lis.Max)} the worst layer");
        foreach (var forecast in Forecasts)
            yield return ($"at equal bytes, {forecast.Precision}",
                $"LIS {FigureText.Score(forecast.Forecast.Lis)}, busiest slot {FigureText.TimesLower(forecast.Forecast.StragglerRatio)}, device imbalance {FigureText.Score(forecast.Forecast.DeviceImbalance)} on {forecast.Devices} devices");
        if (Forecasts.Count > 0)
            yield return ("", "forecast of the policy budget; what the precision costs is for balance to measure");
    }
}

/// <summary>What a plan with copies in one precision makes of the loads; the loss is not known.</summary>
internal sealed record PrecisionPotential(string Precision, int Devices, long PlannedBytes, PlanForecast Forecast)
{
    public static PrecisionPotential Of(Precision precision, Plan plan) => new(precision.Name(), plan.Devices, plan.Budget.PlannedBytes, plan.Forecast with { Loss = null });
}
