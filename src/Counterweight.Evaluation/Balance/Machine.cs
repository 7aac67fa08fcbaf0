using System.Globalization;
using Counterweight.Engine.Threading;

namespace Counterweight.Evaluation.Balance;

/// <summary>Says on what figures were measured.</summary>
public static class Machine
{
    private const string CpuInfo = "/proc/cpuinfo";

    /// <summary>Processor, threads and kernel variant, for example <c>AMD EPYC, 2 threads, avx512</c>.</summary>
    public static string Describe(ComputeContext context) =>
        string.Create(CultureInfo.InvariantCulture, $"{Processor()}, {context.Pool.Workers} threads, {context.Kernel.Name}");

    /// <summary>The processor's own name with what tells its generation; "unknown processor" where the system does not say.</summary>
    public static string Processor()
    {
        if (!File.Exists(CpuInfo))
            return "unknown processor";
        var lines = File.ReadLines(CpuInfo).TakeWhile(line => line.Length > 0)
            .Select(line => line.Split(':', 2, StringSplitOptions.TrimEntries)).Where(parts => parts.Length == 2)
            .DistinctBy(parts => parts[0]).ToDictionary(parts => parts[0], parts => parts[1]);
        string Value(string key) => lines.GetValueOrDefault(key, "?");
        return $"{Value("model name")} (family {Value("cpu family")}, model {Value("model")})";
    }
}
