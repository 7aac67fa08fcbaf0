using Counterweight.Evaluation;
using Spectre.Console;

namespace Counterweight.Cli.Output;

/// <summary>Where a verb writes: results on stdout, progress, warnings and errors on stderr.</summary>
internal sealed class Terminal(TextWriter output, TextWriter error)
{
    /// <summary>Characters of a line where no terminal says how many there are.</summary>
    private const int RedirectedWidth = 160;

    private readonly IAnsiConsole _errorConsole = Console(error);

    /// <summary>Stdout for tables.</summary>
    public IAnsiConsole Out { get; } = Console(output);

    /// <summary>Stdout for text that is the result itself.</summary>
    public TextWriter Text => output;

    /// <summary>Stderr.</summary>
    public TextWriter Error => error;

    /// <summary>Runs long work and shows on stderr how far it is.</summary>
    public T WithProgress<T>(Func<IProgressReporter, T> work) => ProgressView.Run(_errorConsole, work);

    /// <summary>Prints a remark on stderr.</summary>
    public void Say(string message) => error.WriteLine($"counterweight: {TerminalText.OneLine(message)}");

    /// <summary>Prints a warning on stderr.</summary>
    public void Warn(string message) => Say($"warning: {message}");

    private static IAnsiConsole Console(TextWriter writer)
    {
        var output = new AnsiConsoleOutput(writer);
        // What is redirected stays free of escape sequences, whatever the environment says of the terminal, and tables keep their columns whole.
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = output, Ansi = output.IsTerminal ? AnsiSupport.Detect : AnsiSupport.No });
        if (!output.IsTerminal)
            console.Profile.Width = Math.Max(console.Profile.Width, RedirectedWidth);
        return console;
    }
}
