using Counterweight.Balancing.Loads;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Balance;

/// <summary>Records what <c>loads.json</c> holds: for each text a trace of prefill windows and one of decoding.</summary>
public static class LoadRecording
{
    /// <summary>Runs the text through the model as it is loaded.</summary>
    /// <returns>The tokens of the text, and the loads.</returns>
    public static (long Tokens, RecordedLoads Loads) Run(
        LoadedModel loaded, CalibrationSource source, IProgressReporter progress, CancellationToken cancellation = default)
    {
        var texts = source.Read(loaded, progress, cancellation);
        var calibrator = new Calibrator(loaded.Model, new CalibrationOptions { Seed = source.Seed }, new StepProgress(progress).Report);
        var traces = calibrator.RecordLoads(texts, cancellation).Concat(calibrator.RecordDecoding(texts, cancellation));
        return (texts.Sum(text => (long)text.Tokens), new RecordedLoads(loaded.Model.Fingerprint, [.. traces]));
    }
}
