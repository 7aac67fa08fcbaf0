using Counterweight.Balancing.EnginePlanning;

namespace Counterweight.Balancing.Formats;

/// <summary>Rules that several engines share.</summary>
internal static class EngineChecks
{
    /// <summary>Layers with different numbers of slots.</summary>
    public static IEnumerable<EngineFinding> UnequalLayers(EnginePlan plan, string engine)
    {
        var odd = Array.FindIndex(plan.SlotExperts, slots => slots.Length != plan.SlotExperts[0].Length);
        if (odd >= 0)
            yield return new EngineFinding(true, $"{engine} needs equally many slots in every layer: layer {plan.MoeLayers[odd]} has " +
                $"{plan.SlotExperts[odd].Length}, layer {plan.MoeLayers[0]} has {plan.SlotExperts[0].Length}.");
    }

    /// <summary>Two copies of an expert on one device.</summary>
    public static IEnumerable<EngineFinding> Duplicates(EnginePlan plan, bool isError, string consequence)
    {
        for (var l = 0; l < plan.SlotExperts.Length; l++)
            for (var d = 0; d < plan.Devices; d++)
                if (FirstDuplicate(plan, l, d) is { } expert)
                {
                    yield return new EngineFinding(isError,
                        $"Layer {plan.MoeLayers[l]} has expert {expert} twice on device {d}: {consequence}.");
                    yield break;
                }
    }

    /// <summary>More MoE layers than the model has room for.</summary>
    public static IEnumerable<EngineFinding> LayersBeyond(EnginePlan plan, EngineTarget target)
    {
        if (target.HiddenLayers is { } hidden && plan.MoeLayers[^1] >= hidden)
            yield return new EngineFinding(true,
                $"The plan has layer {plan.MoeLayers[^1]}, but the model has only {hidden} layers (0 to {hidden - 1}).");
    }

    /// <summary>Throws the first error.</summary>
    public static void ThrowFirst(IReadOnlyList<EngineFinding> findings, string engine)
    {
        if (findings.FirstOrDefault(finding => finding.IsError) is { } error)
            throw new InvalidInputException("plan", error.Sentence.TrimEnd('.'), $"a plan that {engine} can load");
    }

    /// <summary>Slots 0, 1, 2, … modulo the experts: what dense rows and layers without a plan are filled with.</summary>
    public static int[] Filler(int experts, int slots) => [.. Enumerable.Range(0, slots).Select(slot => slot % experts)];

    /// <summary>Layer numbers for rows that are MoE layers only.</summary>
    public static IReadOnlyList<int> MoeLayers(EngineTarget target, int rows, string name)
    {
        if (target.MoeLayers is { } known && known.Count != rows)
            throw new InvalidInputException(name, $"{rows} layers", $"one for each of the {known.Count} MoE layers");
        return target.MoeLayers ?? [.. Enumerable.Range(0, rows)];
    }

    /// <summary>One more than the largest expert.</summary>
    public static int Experts(IEnumerable<int[]> rows) => rows.Max(row => row.Length == 0 ? 0 : row.Max()) + 1;

    private static int? FirstDuplicate(EnginePlan plan, int layer, int device)
    {
        var width = plan.SlotsPerDevice(layer);
        var seen = new HashSet<int>(width);
        foreach (var expert in plan.SlotExperts[layer].AsSpan(device * width, width))
            if (!seen.Add(expert))
                return expert;
        return null;
    }
}
