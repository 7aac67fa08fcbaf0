using System.Globalization;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Policies.Eplb;
using Counterweight.Tests;
using CsCheck;

namespace Counterweight.Balancing.Tests.Eplb;

public sealed class EplbPlannerTests
{
    public static TheoryData<string, string, int, int, int, int> ReferenceCases()
    {
        var cases = new TheoryData<string, string, int, int, int, int>();
        var folder = Path.GetFullPath(Path.Combine(GoldenFiles.ProjectRoot, "..", "shared", "data", "traces"));
        if (!Directory.Exists(folder))
            return cases;
        var files = Directory.GetFiles(folder, "*.csv", SearchOption.AllDirectories).ToDictionary(file => Path.GetFileName(file), file =>
            file);
        foreach (var line in File.ReadLines(Path.Combine(folder, "eplb-results", "summary.csv")).Skip(1))
        {
            var cells = line.Split(',');
            var (name, policy) = (Path.GetFileName(cells[0]), cells[7] == "hierarchical" ? "hier" : "global");
            var plan = $"{Path.GetFileNameWithoutExtension(name)}__slots{cells[3]}_gpus{cells[4]}_{policy}.phy2log.csv";
            if (files.TryGetValue(name, out var matrix) && files.TryGetValue(plan, out var reference))
                cases.Add(matrix, reference, Number(cells[3]), Number(cells[4]), Number(cells[5]), Number(cells[6]));
        }
        return cases;

        static int Number(string cell) => int.Parse(cell, CultureInfo.InvariantCulture);
    }

    [Theory]
    [MemberData(nameof(ReferenceCases), DisableDiscoveryEnumeration = true)]
    public void Max_over_mean_of_every_layer_is_that_of_the_published_algorithm(
        string matrix, string reference, int slots, int devices, int nodes, int groups)
    {
        var loads = LoadsImport.Read(matrix)[0].Trace.Total;
        var plan = EplbPlanner.Plan(loads, new EplbOptions(slots, devices, nodes, groups));
        int[][] published = [.. File.ReadLines(reference).Select(line => line.Split(',').Select(int.Parse).ToArray())];
        for (var l = 0; l < loads.Layers; l++)
            Assert.Equal(
                LoadImbalance.MaxOverMean(DeviceLoads.Even(published[l], loads[l], devices)),
                LoadImbalance.MaxOverMean(DeviceLoads.Even(plan[l], loads[l], devices)), 1e-12);
    }

    [Fact]
    public void There_are_reference_cases()
    {
        GoldenFiles.Shared("data", "traces", "eplb-results");
        Assert.True(ReferenceCases().Count >= 60);
    }

    [Fact]
    public void The_published_example_gives_the_published_figures()
    {
        var loads = Loads([[90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86], [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27]]);
        var plan = EplbPlanner.Plan(loads, new EplbOptions(Slots: 16, Devices: 8, Nodes: 2, Groups: 4));
        var imbalance = DeviceLoads.EvenImbalance(new EnginePlan(12, 8, [0, 1], plan), loads);
        Assert.Equal(1.22517, imbalance.Average(), 1e-5);
        Assert.Equal(1.24221, imbalance.Max(), 1e-5);
        Assert.Equal([5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1], plan[0]);
    }

    [Fact]
    public void Every_expert_has_a_slot_and_hottest_copies_cool_with_more_slots() =>
        Cases.Sample(test =>
        {
            var (loads, devices, perDevice) = test;
            double hottest = double.PositiveInfinity;
            for (var slots = devices * perDevice; slots <= devices * (perDevice + 2); slots += devices)
            {
                var plan = EplbPlanner.Plan(loads, new EplbOptions(slots, devices));
                for (var l = 0; l < loads.Layers; l++)
                    Assert.Equal(Enumerable.Range(0, loads.Experts), plan[l].Distinct().Order());
                Assert.All(plan, layer => Assert.Equal(slots, layer.Length));
                var copy = DeviceLoads.SlotLoads(plan[0], loads[0]).Max();
                // Single precision decides ties, so equality holds up to its rounding.
                Assert.True(copy <= hottest * (1 + 1e-6));
                hottest = copy;
            }
        }, iter: 300);

    // Among equal loads the lower number goes first, as in the original: only distinct loads can be renumbered freely.
    [Fact]
    public void Renumbering_the_experts_renumbers_the_plan() =>
        DistinctLoads.Sample(test =>
        {
            var (loads, devices, perDevice) = test;
            var reversed = new ExpertLoads(loads.Layers, loads.Experts);
            for (var l = 0; l < loads.Layers; l++)
                for (var e = 0; e < loads.Experts; e++)
                    reversed[l][e] = loads[l][loads.Experts - 1 - e];
            var options = new EplbOptions(devices * perDevice, devices);
            var (plan, mirrored) = (EplbPlanner.Plan(loads, options), EplbPlanner.Plan(reversed, options));
            for (var l = 0; l < loads.Layers; l++)
                Assert.Equal(
                    DeviceLoads.Even(plan[l], loads[l], devices).Order(),
                    DeviceLoads.Even(mirrored[l], reversed[l], devices).Order());
        }, iter: 300);

    [Theory]
    [InlineData(13, 8, 1, 1, "slots: found 13, expected a multiple of the 8 devices, at least the 12 experts")]
    [InlineData(8, 8, 1, 1, "slots: found 8, expected a multiple of the 8 devices, at least the 12 experts")]
    [InlineData(15, 5, 2, 4, "devices: found 5, expected a multiple of the 2 nodes")]
    [InlineData(16, 8, 2, 8, "groups: found 8, expected a divisor of the 12 experts")]
    [InlineData(16, 0, 1, 1, "devices: found 0, expected a number above 0")]
    public void Options_that_do_not_fit_are_refused(int slots, int devices, int nodes, int groups, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidInputException>(
            () => EplbPlanner.Plan(new ExpertLoads(1, 12), new EplbOptions(slots, devices, nodes, groups))).Message);

    /// <summary>Loads of random shape and kind (skewed, zero, tied, huge), devices and slots per device that hold all experts.</summary>
    internal static Gen<(ExpertLoads Loads, int Devices, int PerDevice)> Cases { get; } =
        from devices in Gen.Int[1, 64]
        from experts in Gen.Int[1, 48]
        from layers in Gen.Int[1, 2]
        from kind in Gen.Int[0, 3]
        from counts in Gen.Long[0, kind switch { 0 => 0, 1 => 3, 2 => 10_000, _ => 1L << 62 }].Array[layers * experts]
        from skew in Gen.Int[0, 3]
        select (Shaped(layers, experts, counts, skew), devices, (experts + devices - 1) / devices);

    private static readonly Gen<(ExpertLoads Loads, int Devices, int PerDevice)> DistinctLoads =
        from devices in Gen.Int[1, 64]
        from experts in Gen.Int[1, 48]
        from counts in Gen.Long[1L << 50, 1L << 62].Array[experts]
        select (Shaped(1, experts, counts, skew: 0), devices, (experts + devices - 1) / devices);

    private static ExpertLoads Shaped(int layers, int experts, long[] counts, int skew)
    {
        var loads = new ExpertLoads(layers, experts);
        for (var i = 0; i < counts.Length; i++)
            loads[i / experts][i % experts] = counts[i] >> Math.Min(62, skew * (i % experts) / 2);
        return loads;
    }

    private static ExpertLoads Loads(long[][] rows)
    {
        var loads = new ExpertLoads(rows.Length, rows[0].Length);
        for (var l = 0; l < rows.Length; l++)
            rows[l].CopyTo(loads[l]);
        return loads;
    }
}
