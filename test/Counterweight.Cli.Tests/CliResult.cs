namespace Counterweight.Cli.Tests;

/// <summary>What a command line did.</summary>
internal sealed record CliResult(int ExitCode, string Output, string Error)
{
    /// <summary>Runs a command line in this process, with streams of its own.</summary>
    public static async Task<CliResult> Of(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var exitCode = await CommandLine.RunAsync(arguments, output, error);
        return new CliResult(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>The command must have done its work and said nothing on stderr.</summary>
    public CliResult Done()
    {
        Assert.Equal("", Error);
        Assert.Equal(0, ExitCode);
        return this;
    }

    /// <summary>The command must have refused: one line on stderr that holds all of the words, nothing on stdout.</summary>
    public void Refused(int exitCode, params string[] words)
    {
        Assert.Equal(exitCode, ExitCode);
        Assert.Equal("", Output);
        Assert.StartsWith("counterweight: ", Error);
        Assert.EndsWith("\n", Error);
        Assert.Equal(1, Error.Count(c => c == '\n'));
        Assert.All(words, word => Assert.Contains(word, Error));
    }
}
