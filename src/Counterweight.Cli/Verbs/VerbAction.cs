using System.CommandLine;
using Counterweight.Cli.Output;

namespace Counterweight.Cli.Verbs;

/// <summary>What every verb shares: errors as one line and an exit code.</summary>
internal static class VerbAction
{
    /// <summary>
    /// Sets what a verb does: errors become one line on stderr and an exit code. The work runs off the calling thread, which stays free to
    /// hear Ctrl+C.
    /// </summary>
    public static void Does(this Command command, Func<ParseResult, Terminal, CancellationToken, Task<int>> work) =>
        command.SetAction((parsed, cancellation) =>
        {
            var streams = parsed.InvocationConfiguration;
            var terminal = new Terminal(streams.Output, streams.Error);
            return Task.Run(() => CommandErrors.RunAsync(() => work(parsed, terminal, cancellation), streams.Error), CancellationToken.None);
        });
}
