using System.Globalization;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.Plans;

/// <summary>The rules that hold between the fields of a plan, and between a plan and a model.</summary>
public static class PlanValidator
{
    /// <summary>
    /// Checks ranges, the order of layers, that every logical expert has a copy, that no device has two copies of one (unless there is
    /// one device only), and that the plan keeps its own budget.
    /// </summary>
    /// <param name="plan">The plan.</param>
    /// <param name="name">What messages call it, for example the file name.</param>
    /// <exception cref="InvalidInputException">A rule is broken: names the place as a JSON path.</exception>
    public static void Check(Plan plan, string name)
    {
        var model = plan.Model;
        if (plan.Devices is < 1 or > PlanLimits.MaxDevices)
            throw Error(name, "devices", $"{plan.Devices}", $"1 to {PlanLimits.MaxDevices}");
        if (plan.Layers.Count != model.MoeLayers.Count)
            throw Error(name, "layers", $"{plan.Layers.Count} layers", $"one for each of the {model.MoeLayers.Count} MoE layers of the model");
        for (var l = 0; l < plan.Layers.Count; l++)
        {
            if (plan.Layers[l].Layer != model.MoeLayers[l])
                throw Error(name, $"layers[{l}].layer", $"{plan.Layers[l].Layer}", $"{model.MoeLayers[l]}, as in model.moeLayers[{l}]");
            CheckSlots(plan, l, name);
        }
        CheckBudget(plan.Budget, name);
    }

    /// <summary>Checks that a plan was made for this model.</summary>
    /// <exception cref="InvalidInputException">It was made for another one: names the first difference.</exception>
    public static void CheckFits(Plan plan, ModelFingerprint model, string name = "plan")
    {
        var made = plan.Model;
        Same(name, "model.modelType", made.ModelType, model.ModelType);
        Same(name, "model.experts", $"{made.Experts}", $"{model.Experts}");
        Same(name, "model.topK", $"{made.TopK}", $"{model.TopK}");
        Same(name, "model.moeLayers", $"[{string.Join(", ", made.MoeLayers)}]", $"[{string.Join(", ", model.MoeLayers)}]");
        // Plans that were made from recorded loads alone carry no hash.
        if (made.WeightsHash is not null && model.WeightsHash is not null)
            Same(name, "model.weightsHash", made.WeightsHash, model.WeightsHash);
    }

    /// <summary>Checks the bytes that the plan states against real storage sizes.</summary>
    /// <exception cref="InvalidInputException">A precision cannot be stored, or the stated bytes are not the real ones.</exception>
    public static void CheckBytes(Plan plan, ExpertCosts costs, string name = "plan")
    {
        CheckPrecisions(plan, costs, name);
        Same(name, "budget.originalBytes", $"{plan.Budget.OriginalBytes}", $"{costs.OriginalBytes(plan.Model)}");
        Same(name, "budget.plannedBytes", $"{plan.Budget.PlannedBytes}", $"{costs.BytesOf(plan.Layers)}");
    }

    /// <summary>Checks that every precision of the plan can be stored.</summary>
    /// <exception cref="InvalidInputException">One cannot.</exception>
    public static void CheckPrecisions(Plan plan, ExpertCosts costs, string name = "plan")
    {
        for (var l = 0; l < plan.Layers.Count; l++)
            for (var s = 0; s < plan.Layers[l].Slots.Count; s++)
                if (!costs.Has(plan.Layers[l].Slots[s].Precision))
                    throw Error(name, $"layers[{l}].slots[{s}].precision", plan.Layers[l].Slots[s].Precision.Name(),
                        "one of " + string.Join(", ", costs.Precisions.Select(precision => precision.Name())));
    }

    private static void CheckSlots(Plan plan, int layer, string name)
    {
        var (slots, experts) = (plan.Layers[layer].Slots, plan.Model.Experts);
        if (slots.Count > PlanLimits.MaxSlots)
            throw Error(name, $"layers[{layer}].slots", $"{slots.Count} slots", $"at most {PlanLimits.MaxSlots}");
        var firstSlot = new Dictionary<(int Expert, int Device), int>(slots.Count);
        var covered = new bool[experts];
        for (var s = 0; s < slots.Count; s++)
        {
            var (slot, place) = (slots[s], $"layers[{layer}].slots[{s}]");
            if (slot.Expert < 0 || slot.Expert >= experts)
                throw Error(name, place + ".expert", $"{slot.Expert}", $"0 to {experts - 1}");
            if (slot.Device < 0 || slot.Device >= plan.Devices)
                throw Error(name, place + ".device", $"{slot.Device}", $"0 to {plan.Devices - 1}");
            if (!Enum.IsDefined(slot.Precision))
                throw Error(name, place + ".precision", $"{slot.Precision}", "one of " + string.Join(", ", PrecisionNames.All));
            if (!firstSlot.TryAdd((slot.Expert, slot.Device), s) && plan.Devices > 1)
                throw Error(name, place, $"a second copy of expert {slot.Expert} on device {slot.Device} " +
                    $"(the first is slots[{firstSlot[(slot.Expert, slot.Device)]}])", "at most one copy of an expert on a device");
            covered[slot.Expert] = true;
        }
        if (Array.IndexOf(covered, false) is >= 0 and var missing)
            throw Error(name, $"layers[{layer}].slots", $"no copy of expert {missing}", $"a copy of each of the {experts} experts");
    }

    private static void CheckBudget(PlanBudget budget, string name)
    {
        if (budget.OriginalBytes < 1 || budget.PlannedBytes < 1)
            throw Error(name, "budget", $"{budget.OriginalBytes} and {budget.PlannedBytes} bytes", "bytes above 0");
        if (!(budget.Limit is >= PlanLimits.MinBudget and <= PlanLimits.MaxBudget))
            throw Error(name, "budget.limit", Text(budget.Limit), $"{Text(PlanLimits.MinBudget)} to {Text(PlanLimits.MaxBudget)}");
        if (budget.PlannedBytes > budget.OriginalBytes * budget.Limit)
            throw Error(name, "budget.plannedBytes", $"{budget.PlannedBytes}",
                $"at most {Text(budget.Limit)} of the original {budget.OriginalBytes} bytes");
    }

    private static void Same(string name, string place, string found, string expected)
    {
        if (found != expected)
            throw Error(name, place, found, expected);
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    private static InvalidInputException Error(string name, string place, string found, string expected) =>
        new($"{name}: {place}", found, expected);
}
