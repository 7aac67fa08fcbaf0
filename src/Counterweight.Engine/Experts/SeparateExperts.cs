using Counterweight.Engine.Models;

namespace Counterweight.Engine.Experts;

/// <summary>Experts that have three tensors each.</summary>
internal static class SeparateExperts
{
    /// <summary><c>prefix.gate_proj.weight</c> [intermediate, hidden] and so on, or the names that a family has for them.</summary>
    public static ExpertPlaces At(string prefix, ModelShape shape, string gate = "gate_proj", string up = "up_proj", string down = "down_proj") => new(
        WeightPlace.Whole($"{prefix}.{gate}.weight", shape.ExpertIntermediate, shape.Hidden),
        WeightPlace.Whole($"{prefix}.{up}.weight", shape.ExpertIntermediate, shape.Hidden),
        WeightPlace.Whole($"{prefix}.{down}.weight", shape.Hidden, shape.ExpertIntermediate));
}
