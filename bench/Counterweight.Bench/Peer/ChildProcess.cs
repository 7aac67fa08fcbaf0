using System.Diagnostics;

namespace Counterweight.Bench.Peer;

/// <summary>Runs a program to its end.</summary>
internal static class ChildProcess
{
    /// <summary>What it printed to standard output.</summary>
    /// <exception cref="InvalidOperationException">It failed: the message ends with what it printed to standard error.</exception>
    public static string Run(string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{Path.GetFileName(program)} ended with {process.ExitCode}: {errors.Result[^Math.Min(errors.Result.Length, 2000)..]}");
    }
}
