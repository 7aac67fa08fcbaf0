using System.CommandLine;
using Counterweight.Evaluation.Balance;

namespace Counterweight.Cli.Verbs;

/// <summary>The options that say what text a verb calibrates on.</summary>
/// <param name="defaultText">What is calibrated on where nothing is said, for the help.</param>
/// <param name="defaultTokens">Most tokens of files where nothing is said.</param>
internal sealed class CalibrationOptionSet(string defaultText = "texts/calibration", int defaultTokens = 65536)
{
    private readonly Option<string[]> _text = CommonOptions.Texts("--text", $"Calibration text files, one for each kind of traffic; default: {defaultText}");
    private readonly Option<int?> _self = CommonOptions.Ranged(new Option<int?>("--self") { Description = "Calibrate on so many tokens that the model writes itself, in place of files" }, 1024, int.MaxValue);
    private readonly Option<int> _tokens = new("--calibration-tokens") { Description = "Most tokens of calibration text", DefaultValueFactory = _ => defaultTokens };
    private readonly Option<ulong> _seed = CommonOptions.Seed();

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _text, _self, _tokens, _seed })
            command.Add(option);
    }

    /// <summary>Whether the command line says what to calibrate on.</summary>
    public bool IsGiven(ParseResult parsed) => CommonOptions.Given(parsed, _text) is not null || parsed.GetValue(_self) is not null;

    public CalibrationSource Source(ParseResult parsed)
    {
        var self = parsed.GetValue(_self) ?? 0;
        return new CalibrationSource(
            self > 0 ? [] : CommonOptions.Given(parsed, _text) ?? ProjectFiles.Texts("texts/calibration"), self, parsed.GetValue(_tokens), parsed.GetValue(_seed));
    }
}
