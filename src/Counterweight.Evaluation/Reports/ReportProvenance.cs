using Counterweight.Balancing.Plans;

namespace Counterweight.Evaluation.Reports;

/// <summary>What a report was made from and how.</summary>
/// <param name="Version">The version of Counterweight.</param>
/// <param name="Command">The command line as the user gave it.</param>
/// <param name="Options">Every option in force, defaults included.</param>
/// <param name="CalibrationFiles">Text that the plan was made from.</param>
/// <param name="EvaluationFiles">Text that was measured on; no part of it was calibrated on.</param>
/// <param name="Fingerprint">The model: its MoE layers give the rows of <see cref="BalanceDetail"/>.</param>
public sealed record ReportProvenance(
    string Version,
    string Command,
    IReadOnlyDictionary<string, string> Options,
    IReadOnlyList<TextSource> CalibrationFiles,
    IReadOnlyList<TextSource> EvaluationFiles,
    ModelFingerprint Fingerprint);

/// <summary>A text file that was read.</summary>
/// <param name="File">Its name as the user gave it.</param>
/// <param name="Tokens">Tokens taken from it.</param>
/// <param name="Sha256">Lower-case hex SHA-256 of its bytes; null where it isn't a file.</param>
public sealed record TextSource(string File, long Tokens, string? Sha256 = null);
