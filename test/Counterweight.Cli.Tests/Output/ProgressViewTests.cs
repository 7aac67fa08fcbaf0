using Counterweight.Cli.Output;
using Spectre.Console;

namespace Counterweight.Cli.Tests.Output;

public sealed class ProgressViewTests
{
    [Fact]
    public void Redirected_output_stays_empty_and_the_result_comes_back()
    {
        using var output = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        Assert.Equal(42, Work(console));
        Assert.Empty(output.ToString());
    }

    [Fact]
    public void An_interactive_terminal_sees_names_and_completion()
    {
        using var output = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new Terminal(output),
            Ansi = AnsiSupport.Yes,
            Interactive = InteractionSupport.Yes,
        });
        Assert.Equal(42, Work(console));
        Assert.Contains("calibrate [x]", output.ToString());
        Assert.Contains("100%", output.ToString());
    }

    private static int Work(IAnsiConsole console) => ProgressView.Run(console, progress =>
    {
        using var calibrate = progress.Begin("calibrate [x]", 10);
        Parallel.For(0, 10, _ => calibrate.Advance(1));
        using var unknown = progress.Begin("plan", 0);
        unknown.Advance(3);
        return 42;
    });

    private sealed class Terminal(TextWriter writer) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => true;

        public int Width => 100;

        public int Height => 30;

        public void SetEncoding(System.Text.Encoding encoding) { }
    }
}
