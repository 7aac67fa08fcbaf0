using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Tests;

/// <summary>
/// A report of the size and shape that the bundled model gives: six layers of 32 experts, seeded skewed loads, the three busiest
/// experts of each layer replicated at int8 and six idle ones lowered to int4. Balance figures are computed from those loads.
/// </summary>
internal static class SampleReport
{
    public const int Layers = 6;
    public const int Experts = 32;
    private static readonly string[] Files = ["fiction.txt", "technical.txt", "reference.txt", "code.txt", "math.txt", "dialogue.txt", "multilingual.txt"];
    private static readonly double[] FileLoss = [4.08, 3.25, 3.75, 1.03, 2.49, 2.18, 4.48];
    private static readonly int[] DeviceCounts = [2, 4, 8, 16];

    public static BalanceReport Create(int seed = 7)
    {
        var random = new Random(seed);
        var calibration = SkewedLoads(random, 24_000);
        var evaluation = Array.ConvertAll(calibration, row => Array.ConvertAll(row, load => (long)(load * 5 * (0.85 + 0.3 * random.NextDouble()))));
        var slots = Array.ConvertAll(evaluation, Replicate);
        var detail = Detail(random, calibration, evaluation, slots);
        var before = Figures(Array.ConvertAll(evaluation, row => Array.ConvertAll(row, load => load)), detail.BytesByPrecisionBefore.Values.Sum(), 1, random);
        var after = Figures(Array.ConvertAll(slots, row => Array.ConvertAll(row, slot => slot.Load)), detail.BytesByPrecisionAfter.Values.Sum(), 1.0021, random);
        return new BalanceReport
        {
            Model = "models/pocket-moe",
            Cpu = "AMD EPYC 9B14, 2 cores, AVX-512 VNNI",
            Policy = "budget",
            Seed = ulong.MaxValue,
            Before = before,
            After = after,
            Change = BalanceChange.Between(before, after, detail, PairedDifference.Normal(after.Perplexity - before.Perplexity, 0.008), AccuracyDifference()),
            Estimates = Estimates(detail),
            Detail = detail,
            Provenance = Provenance(),
            Seconds = new Dictionary<string, double> { ["calibrate"] = 21.4, ["plan"] = 0.31, ["evaluate before"] = 48.2, ["evaluate after"] = 47.9 },
        };
    }

    private static long[][] SkewedLoads(Random random, int tokens) =>
        [.. Enumerable.Range(0, Layers).Select(_ =>
        {
            var weights = Enumerable.Range(0, Experts).Select(_ => Math.Exp(0.75 * Gauss(random))).ToArray();
            return Array.ConvertAll(weights, weight => (long)(tokens * 4 * weight / weights.Sum()));
        })];

    private static double Gauss(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static SlotLoad[] Replicate(long[] loads)
    {
        var order = Enumerable.Range(0, Experts).OrderByDescending(expert => loads[expert]).ToArray();
        var slots = new List<SlotLoad>();
        foreach (var expert in Enumerable.Range(0, Experts))
        {
            var rank = Array.IndexOf(order, expert);
            var half = rank < 3 ? loads[expert] / 2 : 0;
            slots.Add(new SlotLoad(expert, rank >= Experts - 6 ? Precision.Int4 : Precision.Bf16, slots.Count % 8, loads[expert] - half));
            if (rank < 3)
                slots.Add(new SlotLoad(expert, Precision.Int8, slots.Count % 8, half));
        }
        return [.. slots];
    }

    private static BalanceDetail Detail(Random random, long[][] calibration, long[][] evaluation, SlotLoad[][] slots)
    {
        double[][] Importance(Func<long, double> of) => Array.ConvertAll(calibration, row => Array.ConvertAll(row, load => of(load)));
        var cost = new Dictionary<Precision, long> { [Precision.Bf16] = 110_592, [Precision.Int8] = 56_832, [Precision.Int4] = 31_104 };
        return new BalanceDetail
        {
            OriginalPrecision = Precision.Bf16,
            CalibrationLoads = calibration,
            EvaluationLoads = evaluation,
            Slots = slots,
            Importance = new Dictionary<string, double[][]>
            {
                ["wandaBottom"] = Importance(_ => 0.012 + 0.002 * Gauss(random)),
                ["wandaTop"] = Importance(load => 1.3 + 0.2 * Gauss(random) + load * 1e-5),
                ["loss.int8"] = Importance(load => 2e-8 * load * Math.Exp(0.5 * Gauss(random))),
                ["loss.int4"] = Importance(load => 3e-7 * load * Math.Exp(0.9 * Gauss(random))),
            },
            BytesByPrecisionBefore = new Dictionary<Precision, long> { [Precision.Bf16] = Layers * Experts * cost[Precision.Bf16] },
            BytesByPrecisionAfter = slots.SelectMany(row => row).GroupBy(slot => slot.Precision).OrderBy(group => group.Key)
                .ToDictionary(group => group.Key, group => group.Count() * cost[group.Key]),
        };
    }

    private static ModelFigures Figures(long[][] slotLoads, long expertBytes, double worse, Random random)
    {
        var lis = LayerScores.Over([.. slotLoads.Select(row => LoadImbalance.MaxOverMean(row))]);
        var paper = LayerScores.Over([.. slotLoads.Select(row => LoadImbalance.PaperForm(row, Experts))]);
        var split = worse > 1 ? 0.8 : 1;
        IReadOnlyDictionary<int, IReadOnlyDictionary<string, Imbalance>> Devices(double scale) => DeviceCounts.ToDictionary(count => count, count =>
        {
            var excess = (lis.Mean - 1) * scale * Math.Sqrt(count / 32.0);
            return (IReadOnlyDictionary<string, Imbalance>)new Dictionary<string, Imbalance>
            {
                [SplitNames.Even] = new(1 + excess, 1 + 1.4 * excess),
                [SplitNames.LeastLoaded] = new(1 + excess * split, 1 + 1.3 * excess * split),
            };
        });
        return new ModelFigures
        {
            Lis = lis,
            LisPaper = paper,
            DeviceImbalance = Devices(1),
            DeviceImbalanceByFile = Files.ToDictionary(file => file, _ => Devices(1.5 + random.NextDouble())),
            LisByBatchSize = new Dictionary<int, double> { [32] = lis.Mean * 1.9, [128] = lis.Mean * 1.45, [512] = lis.Mean * 1.2, [2048] = lis.Mean * 1.05 },
            ExpertBytes = expertBytes,
            TotalBytes = expertBytes + 4_912_448,
            Perplexity = 23.412 * worse,
            PerplexityByFile = Files.Zip(FileLoss).ToDictionary(pair => pair.First, pair => new FilePerplexity(4096, Math.Exp(pair.Second) * (1 + (worse - 1) * 2 * random.NextDouble()))),
            Accuracy = new Dictionary<string, TaskAccuracy>
            {
                ["blimp"] = new(worse > 1 ? 0.7095 : 0.7120, 0.0045, 10_050),
                ["hellaswag"] = new(worse > 1 ? 0.2610 : 0.2590, 0.0098, 2_000, new NormalizedAccuracy(0.2655, 0.0099)),
                ["piqa"] = new(worse > 1 ? 0.5340 : 0.5441, 0.0117, 1_838, new NormalizedAccuracy(0.5212, 0.0117)),
                ["arc_easy"] = new(worse > 1 ? 0.3090 : 0.2989, 0.0094, 2_376),
            },
            PrefillTokensPerSecond = worse > 1 ? 5310.4 : 5188.9,
            DecodeTokensPerSecond = worse > 1 ? 301.2 : 309.8,
        };
    }

    private static Dictionary<string, PairedDifference> AccuracyDifference() => new()
    {
        ["blimp"] = PairedDifference.Normal(-0.0025, 0.0015),
        ["hellaswag"] = PairedDifference.Normal(0.002, 0.004),
        ["piqa"] = PairedDifference.Normal(-0.0101, 0.0048),
        ["arc_easy"] = PairedDifference.Normal(0.0101, 0.0041),
    };

    private static CalibrationEstimates Estimates(BalanceDetail detail) => new(
        24_000,
        ulong.MaxValue,
        new TenthAgreement(2_400, 5.0 / 6, 0.974, detail.Importance.Keys.ToDictionary(name => name, name => name.StartsWith("wanda", StringComparison.Ordinal) ? 0.995 : 0.91)),
        new Dictionary<string, double> { ["wandaBottom"] = -0.05, ["wandaTop"] = 0.31, ["loss.int8"] = 0.84, ["loss.int4"] = double.NaN },
        0.00213,
        Math.Log(1.0021));

    private static ReportProvenance Provenance() => new(
        "0.1.0",
        "counterweight balance models/pocket-moe --policy budget --budget 1.0 --out balanced --json balanced/report.json",
        new Dictionary<string, string> { ["--policy"] = "budget", ["--budget"] = "1.0", ["--devices"] = "8", ["--max-loss"] = "0.0025" },
        [.. Files.Select(file => new TextSource("calibration/" + file, 3_428, new string('a', 64)))],
        [.. Files.Select(file => new TextSource("evaluation/" + file, 4_096, new string('b', 64)))],
        new ModelFingerprint("qwen3_moe", [.. Enumerable.Range(0, Layers)], Experts, 4, new string('c', 64)));
}
