using System.Text.RegularExpressions;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>Regular expressions of configs: they come from outside, so that one without backtracking is all that is run.</summary>
internal static class ModulePattern
{
    /// <summary>An expression that must match from the beginning of a name, as Python's <c>re.match</c> does.</summary>
    /// <exception cref="InvalidInputException">It is none that can be run.</exception>
    public static Regex Of(string pattern)
    {
        try
        {
            return new Regex($"^(?:{pattern})", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new InvalidInputException("quantization_config", $"pattern {InputText.Quoted(pattern)}", $"a regular expression without lookaround and backreferences ({e.Message})", e);
        }
    }
}
