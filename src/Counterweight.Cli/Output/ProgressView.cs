using Counterweight.Evaluation;
using Spectre.Console;

namespace Counterweight.Cli.Output;

/// <summary>Named progress bars while work runs in an interactive terminal; prints nothing where output is redirected.</summary>
internal static class ProgressView
{
    /// <summary>Runs the work and shows how far it is.</summary>
    /// <param name="console">Where the bars go: the console of stderr, so that stdout holds results only.</param>
    /// <param name="work">Told where to report to.</param>
    public static T Run<T>(IAnsiConsole console, Func<IProgressReporter, T> work)
    {
        var capabilities = console.Profile.Capabilities;
        if (!capabilities.Interactive || !capabilities.Ansi || !console.Profile.Out.IsTerminal)
            return work(SilentProgress.Instance);
        return console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context => work(new Reporter(context)));
    }

    private sealed class Reporter(ProgressContext context) : IProgressReporter
    {
        public IWorkProgress Begin(string name, long total)
        {
            var bar = context.AddTask(Markup.Escape(TerminalText.OneLine(name)), maxValue: Math.Max(total, 1));
            bar.IsIndeterminate = total <= 0;
            return new Bar(bar, bar.Description);
        }
    }

    private sealed class Bar(ProgressTask task, string name) : IWorkProgress
    {
        public void Advance(long amount) => task.Increment(amount);

        public void Describe(string detail) => task.Description = $"{name} ({Markup.Escape(TerminalText.OneLine(detail))})";

        public void Dispose()
        {
            task.IsIndeterminate = false;
            task.StopTask();
        }
    }
}
