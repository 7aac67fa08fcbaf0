using Spectre.Console;

namespace Counterweight.Cli.Output;

/// <summary>Makes text from outside safe to print.</summary>
internal static class TerminalText
{
    /// <summary>The text on one line and without escape sequences: control characters become spaces.</summary>
    public static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    /// <summary>The text itself where output is redirected; without escape sequences where a terminal would obey them.</summary>
    public static string ForTerminal(string text, IAnsiConsole console) =>
        console.Profile.Out.IsTerminal ? string.Concat(text.Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '\uFFFD' : c)) : text;
}
