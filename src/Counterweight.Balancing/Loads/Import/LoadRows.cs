using System.Globalization;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>
/// Rows of counts as a file has them, one for each layer, dense ones perhaps included. Fractional loads (averages, shares) are scaled so
/// that the largest becomes 10⁹: only their ratios carry meaning.
/// </summary>
/// <param name="file">What messages call the file.</param>
/// <param name="fileBytes">Its size, which bounds how many counts it may stand for.</param>
internal sealed class LoadRows(string file, long fileBytes)
{
    /// <summary>Counts up to 2^62 are taken; sums are kept in range by scaling windows down together where needed.</summary>
    public const double MaxCount = 1L << 62;

    private const double FractionScale = 1e9;

    // Formats that leave zeros out are the small ones; beyond what models have, counts need bytes.
    private const long FreeCounts = 1 << 18, CountsPerByte = 16;

    private long _room = FreeCounts + CountsPerByte * fileBytes;
    private readonly List<double[][]> _windows = [];
    private bool _hasFractions;

    public string File => file;

    /// <summary>A count that can be taken, or an error at this position.</summary>
    public double Count(double value, string position)
    {
        if (!(value >= 0 && value <= MaxCount))
            throw new InvalidInputException($"{file}: {position}", value.ToString("R", CultureInfo.InvariantCulture),
                "a number from 0 to 2^62");
        _hasFractions |= value != Math.Floor(value);
        return value;
    }

    /// <summary>A window [layers][experts] of zeros, for formats whose few bytes may ask for many counts.</summary>
    public double[][] NewWindow(int layers, int experts, string position)
    {
        Reserve((long)layers * experts, $"{layers} layers of {experts} experts", position);
        return [.. Enumerable.Range(0, layers).Select(_ => new double[experts])];
    }

    /// <summary>Counts what is about to be made against what a file of this size may stand for.</summary>
    public void Reserve(long counts, string what, string position)
    {
        if (counts > _room)
            throw new InvalidInputException($"{file}: {position}", $"{what} in a file of {fileBytes} bytes",
                $"at most {FreeCounts} counts and {CountsPerByte} more for each byte");
        _room -= counts;
    }

    /// <summary>Adds a window, [layers][experts], and checks that it is shaped like the first.</summary>
    public void Add(double[][] window, string position)
    {
        if (window.Length == 0 || window[0].Length == 0)
            throw new InvalidInputException($"{file}: {position}", "no counts", "at least one layer and one expert");
        var first = _windows.Count > 0 ? _windows[0] : window;
        if (window.Length != first.Length)
            throw new InvalidInputException($"{file}: {position}", $"{window.Length} layers", $"{first.Length}, as in the first window");
        for (var l = 0; l < window.Length; l++)
            if (window[l].Length != first[0].Length)
                throw new InvalidInputException($"{file}: {position}, row {l + 1}", $"{window[l].Length} counts",
                    $"{first[0].Length}, as in the first row");
        _windows.Add(window);
    }

    /// <summary>Leaves dense layers out and makes a trace. <paramref name="layerNumbers"/> are known for formats that name their
    /// layers.</summary>
    public ImportedLoads Finish(ImportOptions options, IReadOnlyList<int>? layerNumbers = null)
    {
        if (_windows.Count == 0)
            throw new InvalidInputException(file, "no counts", "at least one window of loads");
        var rows = _windows[0].Length;
        var empty = Enumerable.Range(0, rows).TakeWhile(IsEmpty).Count();
        if (empty == rows)
            throw new InvalidInputException(file, "no load in any layer", "at least one count above 0");
        var dense = options.DenseLayers ?? empty;
        var skipped = layerNumbers is not null ? 0 : Math.Min(empty, dense);
        if (skipped is > 0 && skipped < dense)
            throw new InvalidInputException(file, $"{skipped} leading layers without load",
                $"{dense} dense layers, or rows for MoE layers only");
        var numbers = layerNumbers ?? [.. Enumerable.Range(dense, rows - skipped)];
        var unit = Unit();
        ExpertLoads[] windows = [.. _windows.Select(window => ToLoads(window.AsSpan(skipped), unit))];
        var name = NameOf(file);
        return new ImportedLoads(new LoadTrace(name, windows, options.Phase ?? PhaseOf(name)), numbers);
    }

    // Scaled down where the sum over windows would leave the range of a layer's total.
    private double Unit()
    {
        double max = 0, largestSum = 0;
        for (var l = 0; l < _windows[0].Length; l++)
        {
            double sum = 0;
            foreach (var window in _windows)
            {
                max = Math.Max(max, window[l].Max());
                sum += window[l].Max();
            }
            largestSum = Math.Max(largestSum, sum);
        }
        if (_hasFractions && max > 0)
            return FractionScale / max;
        return largestSum > MaxCount ? MaxCount / 2 / largestSum : 1;
    }

    private bool IsEmpty(int row) => _windows.All(window => window[row].All(count => count == 0));

    private static ExpertLoads ToLoads(ReadOnlySpan<double[]> window, double unit)
    {
        var loads = new ExpertLoads(window.Length, window[0].Length);
        for (var l = 0; l < window.Length; l++)
            for (var e = 0; e < loads.Experts; e++)
                loads[l][e] = (long)Math.Round(window[l][e] * unit);
        return loads;
    }

    /// <summary>A file name without folder and endings.</summary>
    public static string NameOf(string file)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(file));
        foreach (var ending in (ReadOnlySpan<string>)[".csv", ".json", ".jsonl", ".npy", ".npz", ".pt", ".gguf", ".safetensors", ".topk",
            ".counts"])
            if (name.Length > ending.Length && name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
                name = name[..^ending.Length];
        return name;
    }

    private static LoadPhase PhaseOf(string name) =>
        name.Contains("prefill", StringComparison.OrdinalIgnoreCase) ? LoadPhase.Prefill :
        name.Contains("decode", StringComparison.OrdinalIgnoreCase) ? LoadPhase.Decode : LoadPhase.Mixed;
}
