using System.CommandLine;
using Counterweight.Cli.Output;
using Counterweight.Cli.Verbs;
using Counterweight.Planner;

namespace Counterweight.Cli;

/// <summary>The whole command line: verbs, errors of use, Ctrl+C.</summary>
internal static class CommandLine
{
    /// <summary>Longest time that work may take to notice Ctrl+C and remove what it has half written.</summary>
    private static readonly TimeSpan CancellationPatience = TimeSpan.FromMinutes(1);

    /// <summary>The program's command with its verbs.</summary>
    public static RootCommand Root()
    {
        var root = new RootCommand("Counterweight: training-free load balancing for sparse Mixture-of-Experts models")
        {
            BalanceVerb.Create(),
            InspectVerb.Create(),
            VerifyVerb.Create(),
            GenerateVerb.Create(),
            BenchVerb.Create(),
            CalibrateVerb.Create(),
            ApplyVerb.Create(),
            EvaluateVerb.Create(),
            ReportVerb.Create(),
            StudyVerb.Create(),
        };
        PlannerVerbs.AddTo(root, withInspect: false);
        return root;
    }

    /// <summary>Runs a command line and returns the exit code.</summary>
    /// <param name="arguments">The arguments after the program's name.</param>
    /// <param name="output">Where results go.</param>
    /// <param name="error">Where progress, warnings and errors go.</param>
    public static async Task<int> RunAsync(string[] arguments, TextWriter output, TextWriter error)
    {
        var parsed = Root().Parse(arguments);
        if (parsed.Errors.Count == 0)
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = output,
                Error = error,
                ProcessTerminationTimeout = CancellationPatience,
            }).ConfigureAwait(false);
        foreach (var wrong in parsed.Errors)
            await error.WriteLineAsync($"counterweight: {TerminalText.OneLine(wrong.Message)}").ConfigureAwait(false);
        await error.WriteLineAsync("counterweight: --help lists what can be given").ConfigureAwait(false);
        return ExitCodes.WrongUse;
    }
}
