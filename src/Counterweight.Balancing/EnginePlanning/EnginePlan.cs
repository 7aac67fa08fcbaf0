using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>
/// A plan as serving engines see it: slot j of a MoE layer holds logical expert e, and each device owns an equal, contiguous run of
/// slots. Layers may differ in their number of slots; most engines refuse that.
/// </summary>
public sealed class EnginePlan
{
    /// <summary>Checks the shape; what an engine makes of the content is for the engine's own check to say.</summary>
    /// <param name="experts">Logical experts of each MoE layer.</param>
    /// <param name="devices">Number of devices.</param>
    /// <param name="moeLayers">Layer numbers of the MoE layers in the model, dense layers counted, ascending.</param>
    /// <param name="slotExperts">The logical expert in each slot, [MoE layers][slots]; the slots of a layer are a multiple of the
    /// devices.</param>
    /// <param name="name">What messages call it, for example the file name.</param>
    /// <exception cref="InvalidInputException">The shape or a value is out of range, or an expert has no copy: names layer and
    /// slot.</exception>
    public EnginePlan(int experts, int devices, IReadOnlyList<int> moeLayers, int[][] slotExperts, string name = "plan")
    {
        if (experts is < 1 or > PlanLimits.MaxExperts)
            throw new InvalidInputException(name, $"{experts} experts", $"1 to {PlanLimits.MaxExperts}");
        if (devices is < 1 or > PlanLimits.MaxDevices)
            throw new InvalidInputException(name, $"{devices} devices", $"1 to {PlanLimits.MaxDevices}");
        if (slotExperts.Length != moeLayers.Count || slotExperts.Length == 0)
            throw new InvalidInputException(name, $"{slotExperts.Length} layers",
                $"one for each of the {moeLayers.Count} MoE layers, at least one");
        for (var l = 0; l < slotExperts.Length; l++)
        {
            if (l > 0 && moeLayers[l] <= moeLayers[l - 1])
                throw new InvalidInputException(name, $"layer number {moeLayers[l]} after {moeLayers[l - 1]}", "ascending layer numbers");
            CheckLayer(slotExperts[l], experts, devices, $"{name}: layer {moeLayers[l]}");
        }
        (Experts, Devices, MoeLayers, SlotExperts) = (experts, devices, moeLayers, slotExperts);
    }

    /// <summary>Logical experts of each MoE layer.</summary>
    public int Experts { get; }

    /// <summary>Number of devices.</summary>
    public int Devices { get; }

    /// <summary>Layer numbers of the MoE layers in the model, dense layers counted, ascending.</summary>
    public IReadOnlyList<int> MoeLayers { get; }

    /// <summary>The logical expert in each slot, [MoE layers][slots].</summary>
    public int[][] SlotExperts { get; }

    /// <summary>Physical experts of all layers.</summary>
    public long TotalSlots => SlotExperts.Sum(slots => (long)slots.Length);

    /// <summary>Physical experts beyond the first of their logical expert, over all layers.</summary>
    public long RedundantExperts => TotalSlots - (long)Experts * SlotExperts.Length;

    /// <summary>The slots that each device has in a layer.</summary>
    public int SlotsPerDevice(int layer) => SlotExperts[layer].Length / Devices;

    /// <summary>The number of slots of every layer, or null where layers differ.</summary>
    public int? UniformSlots => SlotExperts.All(slots => slots.Length == SlotExperts[0].Length) ? SlotExperts[0].Length : null;

    /// <summary>Copies of each logical expert in a layer, [experts].</summary>
    public int[] CopiesOf(int layer)
    {
        var copies = new int[Experts];
        foreach (var expert in SlotExperts[layer])
            copies[expert]++;
        return copies;
    }

    /// <summary>The plan without redundant experts and in the experts' own order, as engines start.</summary>
    public static EnginePlan Contiguous(int experts, int devices, IReadOnlyList<int> moeLayers) =>
        new(experts, devices, moeLayers, [.. moeLayers.Select(_ => Enumerable.Range(0, experts).ToArray())], "contiguous plan");

    /// <summary>The slots of a plan by device; precisions are left out.</summary>
    /// <exception cref="InvalidInputException">The devices of a layer hold different numbers of slots.</exception>
    public static EnginePlan From(Plan plan, string name = "plan") => new(plan.Model.Experts, plan.Devices, plan.Model.MoeLayers,
        [.. plan.Layers.Select(layer => ByDevice(layer, plan.Devices, name))], name);

    private static int[] ByDevice(LayerPlan layer, int devices, string name)
    {
        var perDevice = layer.Slots.Count / devices;
        var counts = new int[devices];
        foreach (var slot in layer.Slots)
            counts[slot.Device]++;
        if (Array.FindIndex(counts, count => count != perDevice || layer.Slots.Count % devices != 0) is >= 0 and var odd)
            throw new InvalidInputException($"{name}: layer {layer.Layer}", $"{counts[odd]} of {layer.Slots.Count} slots on device {odd}",
                $"equally many slots on each of the {devices} devices, as engines need");
        return [.. layer.Slots.OrderBy(slot => slot.Device).Select(slot => slot.Expert)];
    }

    private static void CheckLayer(int[] slots, int experts, int devices, string name)
    {
        if (slots.Length == 0 || slots.Length % devices != 0 || slots.Length > PlanLimits.MaxSlots)
            throw new InvalidInputException(name, $"{slots.Length} slots", $"a multiple of {devices} devices, up to {PlanLimits.MaxSlots}");
        var covered = new bool[experts];
        for (var s = 0; s < slots.Length; s++)
        {
            if (slots[s] < 0 || slots[s] >= experts)
                throw new InvalidInputException($"{name}, slot {s}", $"expert {slots[s]}", $"0 to {experts - 1}");
            covered[slots[s]] = true;
        }
        if (Array.IndexOf(covered, false) is >= 0 and var missing)
            throw new InvalidInputException(name, $"no copy of expert {missing}", $"a copy of each of the {experts} experts");
    }
}
