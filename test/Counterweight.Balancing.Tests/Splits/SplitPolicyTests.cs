using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using CsCheck;

namespace Counterweight.Balancing.Tests.Splits;

public sealed class SplitPolicyTests
{
    private sealed record Case(int Devices, Slot[] Slots, int[] Loads, long[] Totals)
    {
        public SlotTable Table { get; } = new(Slots, Loads.Length);

        public override string ToString() => $"devices {Devices} loads [{string.Join(',', Loads)}] slots [{string.Join(' ', Slots)}]";
    }

    // Every expert on a random, non-empty set of devices; loads with zeros, ties and very heavy ones.
    private static readonly Gen<Case> Cases =
        from devices in Gen.Int[1, 7]
        from experts in Gen.Int[1, 9]
        from places in Gen.Int[1, (1 << devices) - 1].Array[experts]
        from loads in Gen.OneOf(Gen.Int[0, 9], Gen.Int[0, 1000], Gen.Const(0), Gen.Int[0, 2_000_000]).Array[experts]
        from totals in Gen.Long[0, 5].Array[experts * devices]
        let slots = SlotsOf(places, devices)
        select new Case(devices, slots, loads, totals[..slots.Length]);

    private static Slot[] SlotsOf(int[] places, int devices) =>
    [
        .. from device in Enumerable.Range(0, devices)
           from expert in Enumerable.Range(0, places.Length)
           where (places[expert] >> device & 1) != 0
           select new Slot(expert, Precision.Int8, device),
    ];

    private static int[] Split(string name, Case c)
    {
        var quotas = new int[c.Slots.Length];
        SplitPolicies.Create(name).Split(c.Loads, c.Table, c.Totals, quotas);
        return quotas;
    }

    private static long MaxDeviceLoad(Case c, int[] quotas) =>
        Enumerable.Range(0, c.Devices).Max(d => c.Slots.Zip(quotas).Where(pair => pair.First.Device == d).Sum(pair => (long)pair.Second));

    // Hall's condition: some set of devices is the bottleneck, and it must take all tokens that have copies nowhere else.
    private static long SmallestMaximum(Case c)
    {
        long best = 0;
        for (var set = 1; set < 1 << c.Devices; set++)
        {
            var confined = Enumerable.Range(0, c.Loads.Length)
                .Where(e => c.Slots.Where(slot => slot.Expert == e).All(slot => (set >> slot.Device & 1) != 0))
                .Sum(e => (long)c.Loads[e]);
            var size = int.PopCount(set);
            best = Math.Max(best, (confined + size - 1) / size);
        }
        return best;
    }

    [Theory]
    [InlineData("even")]
    [InlineData("by-gate")]
    [InlineData("least-loaded")]
    [InlineData("least-loaded-by-gate")]
    public void Tokens_are_conserved_and_equal_inputs_give_equal_quotas(string name) => Cases.Sample(c =>
    {
        var quotas = Split(name, c);
        for (var e = 0; e < c.Loads.Length; e++)
        {
            var copies = quotas.Where((_, slot) => c.Slots[slot].Expert == e).ToArray();
            if (copies.Sum() != c.Loads[e] || copies.Min() < 0)
                return false;
        }
        return quotas.SequenceEqual(Split(name, c));
    });

    [Fact]
    public void Even_quotas_differ_by_one_at_most_and_remainders_go_to_the_least_total() => Cases.Sample(c =>
    {
        var quotas = Split("even", c);
        return Enumerable.Range(0, c.Loads.Length).All(e =>
        {
            var copies = Enumerable.Range(0, quotas.Length).Where(slot => c.Slots[slot].Expert == e).ToArray();
            var favoured = copies.Where(slot => quotas[slot] > c.Loads[e] / copies.Length).ToArray();
            var others = copies.Except(favoured).ToArray();
            return copies.Max(slot => quotas[slot]) - copies.Min(slot => quotas[slot]) <= 1
                && favoured.All(f => others.All(o => c.Totals[f] <= c.Totals[o]));
        });
    });

    [Fact]
    public void Least_loaded_reaches_the_exact_optimum() =>
        Cases.Sample(c => MaxDeviceLoad(c, Split("least-loaded", c)) == SmallestMaximum(c), iter: 3000);

    [Fact]
    public void Least_loaded_leaves_a_balanced_even_split_alone()
    {
        var slots = SlotsOf([0b0011, 0b1100, 0b0101, 0b1010], devices: 4);
        var quotas = new int[slots.Length];
        SplitPolicies.Create("least-loaded").Split([40, 40, 40, 40], new SlotTable(slots, 4), new long[slots.Length], quotas);
        Assert.All(quotas, quota => Assert.Equal(20, quota));
    }

    [Fact]
    public void Only_the_by_gate_policies_order_by_gate() =>
        Assert.Equal(
            ["by-gate", "least-loaded-by-gate"],
            SplitPolicies.Names.Where(name => SplitPolicies.Create(name) is var policy && policy.Name == name && policy.OrdersByGate));

    [Fact]
    public void An_unknown_name_is_refused_with_the_known_ones()
    {
        var e = Assert.Throws<InvalidInputException>(() => SplitPolicies.Create("evenly"));
        Assert.Equal("split policy: found \"evenly\", expected one of even, by-gate, least-loaded, least-loaded-by-gate", e.Message);
    }

    [Theory]
    [InlineData("even")]
    [InlineData("least-loaded")]
    public void Nothing_is_allocated_after_the_first_batch(string name)
    {
        var random = new Random(5);
        var slots = SlotsOf([.. Enumerable.Range(0, 32).Select(_ => random.Next(1, 256))], devices: 8);
        var (table, totals, quotas) = (new SlotTable(slots, 32), new long[slots.Length], new int[slots.Length]);
        int[] loads = [.. Enumerable.Range(0, 32).Select(_ => random.Next(2000))];
        var policy = SplitPolicies.Create(name);
        policy.Split(loads, table, totals, quotas);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            policy.Split(loads, table, totals, quotas);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
