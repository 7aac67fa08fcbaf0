namespace Counterweight.Cli.Output;

/// <summary>Makes text from outside safe to print.</summary>
internal static class TerminalText
{
    /// <summary>The text on one line and without escape sequences: control characters become spaces.</summary>
    public static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
