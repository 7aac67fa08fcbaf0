using Counterweight.Balancing;
using Counterweight.Cli.Output;

namespace Counterweight.Cli.Tests.Output;

public sealed class CommandErrorsTests
{
    public static TheoryData<Exception, int, string> Errors => new()
    {
        { new InvalidInputException("plan.json, line 3", "expert 64", "an expert below 64"), 1, "counterweight: plan.json, line 3: found expert 64, expected an expert below 64" },
        { new InvalidInputException("--budget", "17", "0.1 to 16"), 2, "counterweight: --budget: found 17, expected 0.1 to 16" },
        { new OperationCanceledException(), 130, "counterweight: cancelled" },
        { new FileNotFoundException("no such file: a\u001b[2J\nb"), 1, "counterweight: no such file: a [2J b" },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public async Task What_users_cause_is_one_line_and_an_exit_code(Exception exception, int exitCode, string line)
    {
        using var error = new StringWriter();
        Assert.Equal(exitCode, await CommandErrors.RunAsync(() => throw exception, error));
        Assert.Equal(line + Environment.NewLine, error.ToString());
    }

    [Fact]
    public async Task Done_is_zero_and_silent()
    {
        using var error = new StringWriter();
        Assert.Equal(ExitCodes.Done, await CommandErrors.RunAsync(() => Task.FromResult(ExitCodes.Done), error));
        Assert.Empty(error.ToString());
    }

    [Fact]
    public async Task A_defect_keeps_its_stack_trace() =>
        await Assert.ThrowsAsync<InvalidOperationException>(() => CommandErrors.RunAsync(() => throw new InvalidOperationException(), TextWriter.Null));
}
