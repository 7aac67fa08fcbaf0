namespace Counterweight.Evaluation.Reports;

/// <summary>What calibration says, and how far it can be trusted.</summary>
/// <param name="CalibrationTokens">Tokens of calibration text.</param>
/// <param name="Seed">The seed that chose them.</param>
/// <param name="Tenth">A tenth of the calibration text against all of it; null where it wasn't compared.</param>
/// <param name="LoadImportanceSpearman">Rank correlation of load and importance, mean over layers, by estimator.</param>
/// <param name="PredictedLoss">Predicted rise of the loss, nats per token; null where no distortion was measured.</param>
/// <param name="MeasuredLoss">Measured rise of the loss on evaluation text, nats per token.</param>
public sealed record CalibrationEstimates(
    long CalibrationTokens,
    ulong Seed,
    TenthAgreement? Tenth,
    IReadOnlyDictionary<string, double> LoadImportanceSpearman,
    double? PredictedLoss,
    double MeasuredLoss);

/// <summary>Agreement of a tenth of the calibration text with all of it.</summary>
/// <param name="Tokens">Tokens of the tenth.</param>
/// <param name="HeavyHitterAgreement">Share of layers, 0 to 1, with the same heavy hitter.</param>
/// <param name="LoadSpearman">Rank correlation of the loads, mean over layers.</param>
/// <param name="ImportanceSpearman">Rank correlation of importance, mean over layers, by estimator.</param>
public sealed record TenthAgreement(
    long Tokens,
    double HeavyHitterAgreement,
    double LoadSpearman,
    IReadOnlyDictionary<string, double> ImportanceSpearman);
