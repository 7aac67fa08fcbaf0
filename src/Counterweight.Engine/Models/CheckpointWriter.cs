using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Checkpoints.Quantized;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Models;

/// <summary>Writes a model under a plan: for this engine as codes, for other engines as ordinary weights.</summary>
public static class CheckpointWriter
{
    /// <summary>The plan's name in a balanced checkpoint.</summary>
    public const string PlanFileName = "plan.json";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>
    /// Writes a balanced checkpoint into an existing folder: dense weights as they were, every (expert, precision) of the plan as codes,
    /// the plan, config and tokenizer. The engine loads it with the same results, bit for bit.
    /// </summary>
    public static void WriteBalanced(string folder, MoeModel model, Checkpoint original, Plan plan, IExpertSource experts)
    {
        var tensors = DenseTensorNames(model, original).Select(name => TensorToWrite.Copy(original.Get(name))).ToList();
        for (var l = 0; l < plan.Layers.Count; l++)
            foreach (var (expert, precision) in plan.Layers[l].Slots.Select(slot => (slot.Expert, slot.Precision)).Distinct())
                tensors.AddRange(BalancedExperts.Tensors(plan.Layers[l].Layer, expert, experts.Get(l, expert, precision)));
        SafetensorsWriter.Write(Path.Combine(folder, Checkpoint.SingleFileName), tensors, BalancedExperts.MetadataFor(model.OriginalExperts.StoredPrecision));
        AtomicFile.Write(Path.Combine(folder, PlanFileName), stream => PlanFile.Write(plan, stream));
        original.WriteSideFiles(folder);
    }

    /// <summary>
    /// Writes ordinary weights into an existing folder under the original names, experts widened to fp32 from the codes of their lowest
    /// precision, so that any engine can check the quality. What such an engine computes is a lower bound: it has no better copies.
    /// </summary>
    public static void WriteHuggingFace(string folder, MoeModel model, Checkpoint original, Plan plan, IExpertSource experts)
    {
        if (original.HasOwnExpertNames)
            throw new InvalidInputException(original.Location, $"experts of {model.Shape.ModelType} apart", "ordinary names, which this family has for all experts of a layer in one tensor");
        var tensors = DenseTensors(model, original).ToList();
        for (var l = 0; l < plan.Layers.Count; l++)
            tensors.AddRange(Widened(model, l, plan.Layers[l], experts));
        SafetensorsWriter.Write(Path.Combine(folder, Checkpoint.SingleFileName), tensors, new Dictionary<string, string> { ["format"] = "pt" });
        original.WriteSideFiles(folder);
        var configPath = Path.Combine(folder, Checkpoint.ConfigFileName);
        var config = JsonNode.Parse(File.ReadAllText(configPath))!.AsObject();
        config["torch_dtype"] = "float32";
        foreach (var key in QuantizationConfig.Keys)
            config.Remove(key);
        AtomicFile.Write(configPath, stream => JsonSerializer.Serialize(stream, config, Indented));
    }

    /// <summary>The tensors that are no expert's, those in formats of the checkpoint's own widened.</summary>
    internal static IEnumerable<TensorToWrite> DenseTensors(MoeModel model, Checkpoint original)
    {
        var dense = DenseTensorNames(model, original).ToHashSet();
        foreach (var place in original.Stored?.Matrices ?? [])
            if (original.Stored!.TensorsOf(place.Tensor) is var parts && dense.Overlaps(parts))
            {
                dense.ExceptWith(parts);
                yield return new TensorToWrite(place.Tensor, DType.F32, [place.Outputs, place.Inputs], stream => stream.Write(MemoryMarshal.AsBytes(place.ReadFloats(original).AsSpan())));
            }
        foreach (var name in dense)
            yield return TensorToWrite.Copy(original.Get(name));
    }

    /// <summary>The tensors that are no expert's.</summary>
    private static IEnumerable<string> DenseTensorNames(MoeModel model, Checkpoint original)
    {
        var experts = Enumerable.Range(0, model.Shape.MoeLayers.Count)
            .SelectMany(l => Enumerable.Range(0, model.Shape.Experts).SelectMany(e => model.ExpertPlaces(l, e).Matrices.Select(place => place.Tensor)))
            .ToHashSet();
        if (original.Stored is { } stored)
            experts.UnionWith(experts.SelectMany(stored.TensorsOf).ToArray());
        return original.TensorNames.Where(name => !experts.Contains(name) && !BalancedExperts.Owns(name));
    }

    /// <summary>The expert tensors of a layer, of which each may hold one matrix of one expert or all of them.</summary>
    private static IEnumerable<TensorToWrite> Widened(MoeModel model, int layer, LayerPlan plan, IExpertSource experts)
    {
        var lowest = plan.Slots.GroupBy(slot => slot.Expert).ToDictionary(copies => copies.Key, copies => copies.Max(slot => slot.Precision));
        var parts = lowest.Keys.SelectMany(e => model.ExpertPlaces(layer, e).Matrices.Select((place, i) => (Place: place, Expert: e, Projection: i)));
        foreach (var tensor in parts.GroupBy(part => part.Place.Tensor))
        {
            var shape = tensor.First().Place.Shape;
            var values = new float[shape.Aggregate(1, (product, size) => checked(product * size))];
            foreach (var (place, expert, projection) in tensor)
            {
                var weights = experts.Get(layer, expert, lowest[expert]);
                place.Scatter(Quantizer.Dequantize(weights.Matrices[projection]), values);
            }
            yield return TensorToWrite.FromFloats(tensor.Key, [.. shape], values);
        }
    }
}
