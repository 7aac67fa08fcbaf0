using System.CommandLine;
using Counterweight.Evaluation.Balance;

namespace Counterweight.Cli.Verbs;

/// <summary>The options that say what text a verb calibrates on.</summary>
internal sealed class CalibrationOptionSet
{
    private readonly Option<string[]> _text = CommonOptions.Texts("--text", "Calibration text files, one for each kind of traffic; default: texts/calibration");
    private readonly Option<int?> _self = CommonOptions.Ranged(new Option<int?>("--self") { Description = "Calibrate on so many tokens that the model writes itself, in place of files" }, 1024, int.MaxValue);
    private readonly Option<int> _tokens = new("--calibration-tokens") { Description = "Most tokens of calibration text", DefaultValueFactory = _ => 65536 };
    private readonly Option<ulong> _seed = CommonOptions.Seed();

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _text, _self, _tokens, _seed })
            command.Add(option);
    }

    public CalibrationSource Source(ParseResult parsed)
    {
        var self = parsed.GetValue(_self) ?? 0;
        return new CalibrationSource(
            self > 0 ? [] : CommonOptions.Given(parsed, _text) ?? ProjectFiles.Texts("texts/calibration"), self, parsed.GetValue(_tokens), parsed.GetValue(_seed));
    }
}
