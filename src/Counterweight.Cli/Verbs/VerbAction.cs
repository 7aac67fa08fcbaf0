using System.CommandLine;
using Counterweight.Cli.Output;
using Counterweight.Evaluation;
using Spectre.Console;

namespace Counterweight.Cli.Verbs;

/// <summary>What every verb shares: progress on stderr, errors as one line and an exit code.</summary>
internal static class VerbAction
{
    private static readonly IAnsiConsole ErrorConsole =
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

    /// <summary>Sets what a verb does: errors become one line on stderr and an exit code.</summary>
    public static void Does(this Command command, Func<ParseResult, CancellationToken, Task<int>> work) =>
        command.SetAction((parsed, cancellation) => CommandErrors.RunAsync(() => work(parsed, cancellation), Console.Error));

    /// <summary>Runs long work off this thread, which stays free to hear Ctrl+C, and shows how far it is.</summary>
    public static Task<T> WithProgress<T>(Func<IProgressReporter, T> work) =>
        Task.Run(() => ProgressView.Run(ErrorConsole, work));

    /// <summary>Prints a warning on stderr.</summary>
    public static void Warn(string message) => Console.Error.WriteLine($"counterweight: warning: {TerminalText.OneLine(message)}");
}
