using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Experts;

/// <summary>Packs the slots of a layer, several at once.</summary>
internal static class ExpertBankLoader
{
    public static ExpertBank Load(
        ComputeContext context, int layer, IReadOnlyList<Slot> slots, ModelShape shape, IExpertSource source, ISplitPolicy split, ExpertFunction function,
        CancellationToken cancellation)
    {
        var packed = new PackedExpert[slots.Count];
        try
        {
            context.Pool.Run(new Packing(layer, slots, source, packed, cancellation), slots.Count);
        }
        catch
        {
            foreach (var expert in packed)
                expert?.Dispose();
            throw;
        }
        return new ExpertBank(context, layer, new SlotTable(slots, shape.Experts), packed, shape.TopK, split, function);
    }

    private sealed class Packing(int layer, IReadOnlyList<Slot> slots, IExpertSource source, PackedExpert[] packed, CancellationToken cancellation) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            cancellation.ThrowIfCancellationRequested();
            packed[item] = new PackedExpert(source.Get(layer, slots[item].Expert, slots[item].Precision));
        }
    }
}
