using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Models;

namespace Counterweight.Engine.Experts;

/// <summary>What the experts of a model cost in every precision that the engine can hold, from the sizes of what would be allocated.</summary>
internal static class ModelExpertCosts
{
    // Every precision with a packed layout of its own.
    private static readonly Precision[] Packed = [Precision.Fp32, Precision.Fp16, Precision.Bf16, Precision.Int8, Precision.LlmInt8, Precision.Int4];

    public static ExpertCosts Of(MoeModel model)
    {
        var original = model.OriginalExperts.StoredPrecision;
        var bytes = Packed.ToDictionary(precision => precision, precision => Table(model, (layer, expert) => PackedBytes(model.ExpertPlaces(layer, expert), precision)));
        bytes[original] = Table(model, model.OriginalExperts.StoredBytes);
        return new ExpertCosts(original, bytes);
    }

    private static long PackedBytes(ExpertPlaces places, Precision precision) =>
        places.Matrices.Sum(place => PackedMatrix.BytesFor(precision, place.Outputs, place.Inputs)) + places.BiasBytes;

    private static long[][] Table(MoeModel model, Func<int, int, long> bytesOf)
    {
        long[][] table = [.. Enumerable.Range(0, model.Shape.MoeLayers.Count).Select(l => Enumerable.Range(0, model.Shape.Experts).Select(e => bytesOf(l, e)).ToArray())];
        return table.SelectMany(row => row).Distinct().Take(2).Count() == 1 ? [[table[0][0]]] : table;
    }
}
