using Counterweight.Balancing;

namespace Counterweight.Evaluation.Reports;

/// <summary>Checks that the arrays of a report that was read fit each other.</summary>
internal static class BalanceReportCheck
{
    public static void Check(BalanceReport report, string name)
    {
        var layers = report.Provenance.Fingerprint.MoeLayers.Count;
        var experts = report.Provenance.Fingerprint.Experts;
        var detail = report.Detail;
        if (layers == 0 || experts < 1)
            throw new InvalidInputException(
                $"{name}, provenance.fingerprint",
                $"{layers} MoE layers of {experts} experts",
                "at least one of each");
        CheckRows($"{name}, detail.calibrationLoads", detail.CalibrationLoads, layers, experts);
        CheckRows($"{name}, detail.evaluationLoads", detail.EvaluationLoads, layers, experts);
        foreach (var (estimator, rows) in detail.Importance)
            CheckRows($"{name}, detail.importance.{estimator}", rows, layers, experts);
        CheckSlots($"{name}, detail.slots", detail.Slots, layers, experts);
        foreach (var (side, figures) in new[] { ("before", report.Before), ("after", report.After) })
        {
            CheckCount($"{name}, {side}.lis.layers", figures.Lis.Layers.Count, layers);
            CheckCount($"{name}, {side}.lisPaper.layers", figures.LisPaper.Layers.Count, layers);
        }
        CheckPaired(report, name);
    }

    private static void CheckPaired(BalanceReport report, string name)
    {
        var (before, after) = (report.Before, report.After);
        CheckEntries($"{name}, before.accuracy", before.Accuracy, before.Accuracy.Keys);
        CheckEntries($"{name}, after.accuracy", after.Accuracy, before.Accuracy.Keys);
        CheckEntries($"{name}, change.accuracyDifference", report.Change.AccuracyDifference, before.Accuracy.Keys);
        CheckEntries($"{name}, before.perplexityByFile", before.PerplexityByFile, before.PerplexityByFile.Keys);
        CheckEntries($"{name}, after.perplexityByFile", after.PerplexityByFile, before.PerplexityByFile.Keys);
        CheckEntries($"{name}, after.lisByBatchSize", after.LisByBatchSize, before.LisByBatchSize.Keys);
        CheckEntries($"{name}, after.deviceImbalanceByFile", after.DeviceImbalanceByFile, before.DeviceImbalanceByFile.Keys);
        foreach (var (side, figures) in new[] { ("before", before), ("after", after) })
        {
            CheckDevices($"{name}, {side}.deviceImbalance", figures.DeviceImbalance, before);
            foreach (var (file, devices) in figures.DeviceImbalanceByFile)
                CheckDevices($"{name}, {side}.deviceImbalanceByFile.{file}", devices, before);
        }
    }

    private static void CheckDevices(
        string where, IReadOnlyDictionary<int, IReadOnlyDictionary<string, Imbalance>>? devices, ModelFigures before)
    {
        if (devices is null)
            throw new InvalidInputException(where, "null", "device imbalance by device count");
        CheckEntries(where, devices, before.DeviceImbalance.Keys);
        foreach (var (count, splits) in devices)
            CheckEntries($"{where}.{count}", splits, [SplitNames.Even, SplitNames.LeastLoaded]);
    }

    private static void CheckRows<T>(string where, T[][] rows, int layers, int experts)
    {
        CheckCount(where, rows.Length, layers);
        for (var layer = 0; layer < layers; layer++)
            CheckCount($"{where}[{layer}]", rows[layer]?.Length ?? 0, experts);
    }

    private static void CheckSlots(string where, SlotLoad[][] rows, int layers, int experts)
    {
        CheckCount(where, rows.Length, layers);
        for (var layer = 0; layer < layers; layer++)
        {
            var missing = new HashSet<int>(Enumerable.Range(0, experts));
            foreach (var slot in rows[layer] ?? [])
            {
                if (slot is null || slot.Expert < 0 || slot.Expert >= experts || slot.Load < 0)
                    throw new InvalidInputException(
                        $"{where}[{layer}]",
                        slot?.ToString() ?? "null",
                        $"an expert below {experts} with a load of 0 or more");
                missing.Remove(slot.Expert);
            }
            if (missing.Count > 0)
                throw new InvalidInputException(
                    $"{where}[{layer}]",
                    $"no slot for expert {missing.Min()}",
                    "at least one slot for each logical expert");
        }
    }

    private static void CheckCount(string where, int found, int expected)
    {
        if (found != expected)
            throw new InvalidInputException(where, $"{found} entries", $"{expected}");
    }

    private static void CheckEntries<TKey, TValue>(string where, IReadOnlyDictionary<TKey, TValue> found, IEnumerable<TKey> expected)
    {
        if (found.Values.Any(value => value is null))
            throw new InvalidInputException(where, "null", "a value for each entry");
        if (!found.Keys.ToHashSet().SetEquals(expected))
            throw new InvalidInputException(where, $"entries {string.Join(", ", found.Keys)}", $"entries {string.Join(", ", expected)}");
    }
}
