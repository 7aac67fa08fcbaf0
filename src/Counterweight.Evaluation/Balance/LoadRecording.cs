using Counterweight.Balancing.Loads;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Balance;

/// <summary>Records what <c>loads.json</c> holds: for each text a trace of prefill windows and one of decoding.</summary>
public static class LoadRecording
{
    /// <summary>Runs the text through the model as it is loaded, prefill alone: a trace for each text.</summary>
    public static IReadOnlyList<LoadTrace> Prefill(LoadedModel loaded, CalibrationSource source, IProgressReporter progress, CancellationToken cancellation = default) =>
        NewCalibrator(loaded, source, progress).RecordLoads(source.Read(loaded, progress, cancellation), cancellation);

    /// <summary>Runs the text through the model as it is loaded.</summary>
    /// <returns>The tokens of the text, and the loads.</returns>
    public static (long Tokens, RecordedLoads Loads) Run(
        LoadedModel loaded, CalibrationSource source, IProgressReporter progress, CancellationToken cancellation = default)
    {
        var texts = source.Read(loaded, progress, cancellation);
        var calibrator = NewCalibrator(loaded, source, progress);
        var traces = calibrator.RecordLoads(texts, cancellation).Concat(calibrator.RecordDecoding(texts, cancellation));
        return (texts.Sum(text => (long)text.Tokens), new RecordedLoads(loaded.Model.Fingerprint, [.. traces]));
    }

    private static Calibrator NewCalibrator(LoadedModel loaded, CalibrationSource source, IProgressReporter progress) =>
        new(loaded.Model, new CalibrationOptions { Seed = source.Seed }, new StepProgress(progress).Report);
}
