using System.Buffers.Binary;
using System.Text;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads.Import;

namespace Counterweight.Balancing.Formats;

/// <summary>omni-infer's <c>pattern_path</c>: an .npy of int32 0 and 1, [devices][MoE layers][experts].</summary>
internal sealed class OmniPlanFormat : IEnginePlanFormat
{
    public string Name => "omni-infer";

    public string Ending => ".npy";

    public IReadOnlyList<EngineFinding> Check(EnginePlan plan, EngineTarget target) =>
    [
        .. EngineChecks.Duplicates(plan, isError: true, "the pattern can only say whether an expert is there"),
        .. EngineChecks.UnequalLayers(plan, "omni-infer"),
        .. EngineChecks.LayersBeyond(plan, target),
    ];

    public void Write(EnginePlan plan, EngineTarget target, Stream stream)
    {
        EngineChecks.ThrowFirst(Check(plan, target), "omni-infer");
        var (layers, experts) = (plan.SlotExperts.Length, plan.Experts);
        var pattern = new byte[4L * plan.Devices * layers * experts];
        for (var l = 0; l < layers; l++)
            for (var s = 0; s < plan.SlotExperts[l].Length; s++)
                pattern[4 * ((s / plan.SlotsPerDevice(l) * layers + l) * experts + plan.SlotExperts[l][s])] = 1;
        var header = $"{{'descr': '<i4', 'fortran_order': False, 'shape': ({plan.Devices}, {layers}, {experts}), }}";
        var padded = (10 + header.Length + 1 + 63) / 64 * 64 - 10;
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)padded);
        stream.Write([.. NpyFile.Magic, 1, 0, .. length, .. Encoding.ASCII.GetBytes(header.PadRight(padded - 1) + "\n")]);
        stream.Write(pattern);
    }

    public EnginePlan Read(byte[] bytes, string name, EngineTarget target)
    {
        var array = NpyFile.Read(bytes, name);
        if (array.Shape.Length != 3 || !array.IsInteger)
            throw new InvalidInputException(name, $"shape {array.ShapeText}", "integers [devices][MoE layers][experts]");
        var (devices, layers, experts) = (array.Shape[0], array.Shape[1], array.Shape[2]);
        var rows = new int[layers][];
        for (var l = 0; l < layers; l++)
            rows[l] = [.. Enumerable.Range(0, devices).SelectMany(d => ExpertsOf(array, d, l, name))];
        for (var l = 0; l < layers; l++)
            for (var d = 0; d < devices; d++)
                if (ExpertsOf(array, d, l, name).Count() * devices != rows[l].Length)
                    throw new InvalidInputException($"{name}: [{d}, {l}]", $"{ExpertsOf(array, d, l, name).Count()} experts",
                        "equally many on every device");
        return new EnginePlan(experts, devices, EngineChecks.MoeLayers(target, layers, name), rows, name);
    }

    private static IEnumerable<int> ExpertsOf(NumericArray array, int device, int layer, string name)
    {
        for (var e = 0; e < array.Shape[2]; e++)
        {
            var value = array.Values[(device * array.Shape[1] + layer) * array.Shape[2] + e];
            if (value is not (0 or 1))
                throw new InvalidInputException($"{name}: [{device}, {layer}, {e}]", $"{value}", "0 or 1");
            if (value == 1)
                yield return e;
        }
    }
}
