using Counterweight.Balancing;

namespace Counterweight.Cli.Output;

/// <summary>The exit codes of all verbs.</summary>
internal static class ExitCodes
{
    public const int Done = 0;

    /// <summary>The work failed or a check did not hold.</summary>
    public const int Failed = 1;

    public const int WrongUse = 2;

    /// <summary>128 + SIGINT, what shells report and System.CommandLine itself returns when Ctrl+C ends a command.</summary>
    public const int Cancelled = 130;
}

/// <summary>Turns what users can cause into one line on stderr and an exit code; a defect keeps its stack trace.</summary>
internal static class CommandErrors
{
    public static async Task<int> RunAsync(Func<Task<int>> work, TextWriter error)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return Print(error, "cancelled", ExitCodes.Cancelled);
        }
        catch (InvalidInputException e)
        {
            // An input that is named like an option was typed wrong; everything else is a file or a demand that can't be met.
            return Print(error, e.Message, e.Where.StartsWith('-') ? ExitCodes.WrongUse : ExitCodes.Failed);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Print(error, e.Message, ExitCodes.Failed);
        }
    }

    private static int Print(TextWriter error, string message, int exitCode)
    {
        error.WriteLine($"counterweight: {TerminalText.OneLine(message)}");
        return exitCode;
    }
}
