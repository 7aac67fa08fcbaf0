using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Tests.Models;

namespace Counterweight.Engine.Tests.Calibration;

public class CalibratorTests
{
    private static readonly CalibrationOptions Options = new() { DistortionTokens = 512, SensitivityTokens = 256 };

    [Fact]
    public void TwoRunsAgreeToTheBitOnAnyNumberOfThreads()
    {
        CalibrationResult? first = null;
        foreach (var threads in new[] { 1, 2, 2 })
        {
            using var test = TestModel.Open(threads: threads);
            var result = new Calibrator(test.Model, Options).Run(Texts(test));
            first ??= result;
            Assert.Equal(Loads(first.Traces), Loads(result.Traces));
            Assert.Equal(Loads(first.Decoding), Loads(result.Decoding));
            Assert.Equal(first.Sensitivity, result.Sensitivity);
            AssertSame(first.Importance, result.Importance);
            for (var e = 0; e < test.Model.Shape.Experts; e++)
                foreach (var precision in Options.Precisions)
                {
                    var (a, b) = (first.Experts.Get(1, e, precision), result.Experts.Get(1, e, precision));
                    Assert.Equal(a.Gate!.Codes.ToArray(), b.Gate!.Codes.ToArray());
                    Assert.Equal(a.Down.Codes.ToArray(), b.Down.Codes.ToArray());
                    Assert.Equal(a.Down.Scales, b.Down.Scales);
                }
        }
    }

    [Fact]
    public void CalibrationLeavesTheModelAsItWas()
    {
        using var test = TestModel.Open();
        int[][] sequences = [test.Tokens(30, 1)];
        var expected = test.Logits(sequences);
        new Calibrator(test.Model, Options).Run(Texts(test));
        Assert.Null(test.Model.Observer);
        Assert.Null(test.Model.Recorder);
        Bits.AssertSame(expected, test.Logits(sequences));
    }

    [Theory]
    [InlineData("Calibrating")]
    [InlineData("Quantizing")]
    [InlineData("Measuring distortion")]
    [InlineData("Measuring sensitivity")]
    [InlineData("Recording decoding")]
    public void CancellationAtAnyStepLeavesTheModelAsItWas(string step)
    {
        using var test = TestModel.Open();
        int[][] sequences = [test.Tokens(30, 1)];
        var expected = test.Logits(sequences);
        using var cancel = new CancellationTokenSource();
        var calibrator = new Calibrator(test.Model, Options, (what, done, total) =>
        {
            Assert.InRange(done, 1, total);
            if (what == step)
                cancel.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => calibrator.Run(Texts(test), cancel.Token));
        Assert.Null(test.Model.Observer);
        Assert.Null(test.Model.Recorder);
        Bits.AssertSame(expected, test.Logits(sequences));
    }

    [Fact]
    public void LoadsCountEveryToken()
    {
        using var test = TestModel.Open();
        var texts = Texts(test);
        var result = new Calibrator(test.Model, Options).Run(texts);
        Assert.Equal(["long", "short"], result.Traces.Select(trace => trace.Name));
        for (var t = 0; t < texts.Count; t++)
            for (var l = 0; l < 2; l++)
                Assert.Equal((long)texts[t].Tokens * test.Model.Shape.TopK, result.Traces[t].Total[l].ToArray().Sum());
        Assert.All(result.Decoding, trace => Assert.Equal(LoadPhase.Decode, trace.Phase));
    }

    [Fact]
    public void MoreBitsMeanLessPredictedLoss()
    {
        using var test = TestModel.Open();
        var result = new Calibrator(test.Model, Options with { Precisions = [Precision.Fp16, Precision.Int8, Precision.Int4] }).Run(Texts(test));
        var loss = result.Importance.Loss;
        Assert.Equal([Precision.Fp16, Precision.Int8, Precision.Int4], loss.Keys.Order());
        Assert.All(result.Sensitivity, nats => Assert.True(nats > 0));
        for (var l = 0; l < 2; l++)
            for (var e = 0; e < test.Model.Shape.Experts; e++)
                if (result.Traces.Sum(trace => trace.Total[l][e]) > 20)
                    Assert.True(loss[Precision.Fp16][l][e] < loss[Precision.Int8][l][e] && loss[Precision.Int8][l][e] < loss[Precision.Int4][l][e] / 10, $"layer {l} expert {e}");
    }

    [Fact]
    public void AnEstimateFromTheSameTextIsTheFullRun()
    {
        using var test = TestModel.Open();
        var texts = Texts(test);
        var calibrator = new Calibrator(test.Model, Options with { DistortionTokens = 100_000 });
        var full = calibrator.Run(texts);
        var (traces, importance) = calibrator.Estimate(texts, full);
        Assert.Equal(Loads(full.Traces), Loads(traces));
        AssertSame(full.Importance, importance);
    }

    [Fact]
    public void WandaAveragesWeightTimesInputNorm()
    {
        using var test = TestModel.Open();
        var texts = Texts(test);
        var importance = new Calibrator(test.Model, Options with { WandaFraction = 1 }).Run(texts).Importance;
        var (layer, expert) = (0, 3);
        var seen = ObservedModel.Rows(test, layer, expert, [.. texts.SelectMany(text => text.Sequences)]);
        var weights = test.Model.OriginalExperts.Get(layer, expert, Precision.Bf16);
        var statistics = ObservedModel.Observe(test, [.. texts.SelectMany(text => text.Sequences)]);
        var layerNorms = statistics.LayerInputSquares(layer, test.Model.Shape.TopK).Select(Math.Sqrt).ToArray();
        var hiddenNorms = Enumerable.Range(0, test.Model.Shape.ExpertIntermediate).Select(i => Math.Sqrt(seen.Sum(row => (double)row.Hidden[i] * row.Hidden[i]))).ToArray();
        var expected = (Mean(weights.Gate!, layerNorms) + Mean(weights.Up, layerNorms) + Mean(weights.Down, hiddenNorms)) / 3;
        Assert.Equal(expected, importance.WandaBottom[layer][expert], expected * 1e-4);

        static double Mean(QuantizedMatrix matrix, double[] norms) =>
            Quantizer.Dequantize(matrix).Select((weight, i) => Math.Abs(weight) * norms[i % norms.Length]).Average();
    }

    [Fact]
    public void AnExpertThatNoTokenReachedIsRoundedToNearest()
    {
        using var test = TestModel.Open(TinyModel.Default with { Experts = 12, TopK = 1 });
        var statistics = ObservedModel.Observe(test, [[1, 2]]);
        var unseen = Enumerable.Range(0, 12).First(e => statistics[0, e].Gates.Count == 0);
        var made = QuantizedExperts.Make(test.Model, statistics, [Precision.Int4]).Get(0, unseen, Precision.Int4);
        var plain = test.Model.OriginalExperts.Get(0, unseen, Precision.Int4);
        Assert.Equal(plain.Gate!.Codes.ToArray(), made.Gate!.Codes.ToArray());
        Assert.Equal(plain.Down.Scales, made.Down.Scales);
    }

    [Fact]
    public void CompensatedInt4MovesOutputsLessThanPlainInt4OnTextThatItNeverSaw()
    {
        using var test = TestModel.Pocket();
        var text = SelfSampling.Run(test.Model, 4000, seed: 1)[0].Sequences;
        var (calibration, held) = (text.Where((_, i) => i % 4 != 0).ToArray(), text.Where((_, i) => i % 4 == 0).ToArray());
        var statistics = ObservedModel.Observe(test, calibration);
        foreach (var (layer, expert) in new[] { (1, 3), (4, 20) })
        {
            var original = test.Model.OriginalExperts.Get(layer, expert, Precision.Bf16);
            var seen = statistics[layer, expert];
            var compensated = new ExpertWeights(
                Compensated(original.Gate!, seen.InputMoment), Compensated(original.Up, seen.InputMoment), Compensated(original.Down, seen.HiddenMoment));
            var rows = ObservedModel.Rows(test, layer, expert, held);
            Assert.True(rows.Count > 20, $"{rows.Count} rows");
            var (plain, better) = (Distortion(test.Model.OriginalExperts.Get(layer, expert, Precision.Int4), rows), Distortion(compensated, rows));
            Assert.True(better < 0.9 * plain, $"layer {layer} expert {expert}: {better} after {plain}");
        }

        static QuantizedMatrix Compensated(QuantizedMatrix matrix, float[] moment) =>
            ErrorCompensatedQuantizer.Quantize(Quantizer.Dequantize(matrix), matrix.Outputs, SecondMoment.Of(moment, matrix.Inputs)!, IntegerGrid.Int4);
    }

    /// <summary>Σ gate²·‖E(x) − output‖², the expert computed from its weights one row after another.</summary>
    private static double Distortion(ExpertWeights weights, List<ObservedModel.SeenRow> rows)
    {
        var (gate, up, down) = (Quantizer.Dequantize(weights.Gate!), Quantizer.Dequantize(weights.Up), Quantizer.Dequantize(weights.Down));
        return rows.Sum(row =>
        {
            var hidden = Product(gate, row.Input).Zip(Product(up, row.Input), (g, u) => (float)(g / (1 + Math.Exp(-g)) * u)).ToArray();
            return (double)row.Gate * row.Gate * Product(down, hidden).Zip(row.Output, (a, b) => (a - b) * (a - b)).Sum();
        });

        static double[] Product(float[] matrix, float[] x) =>
            [.. Enumerable.Range(0, matrix.Length / x.Length).Select(o => (double)System.Numerics.Tensors.TensorPrimitives.Dot<float>(matrix.AsSpan(o * x.Length, x.Length), x))];
    }

    private static IReadOnlyList<TokenText> Texts(TestModel test) =>
    [
        new("long", [.. Enumerable.Range(0, 5).Select(i => test.Tokens(100 + i, i))]),
        new("short", [.. Enumerable.Range(5, 6).Select(i => test.Tokens(20 + i, i))]),
    ];

    private static IEnumerable<long[]> Loads(IReadOnlyList<LoadTrace> traces) =>
        traces.SelectMany(trace => Enumerable.Range(0, trace.Total.Layers).Select(l => trace.Total[l].ToArray()));

    private static void AssertSame(ExpertImportance expected, ExpertImportance actual)
    {
        Assert.Equal(expected.WandaBottom, actual.WandaBottom);
        Assert.Equal(expected.WandaTop, actual.WandaTop);
        Assert.Equal(expected.Loss, actual.Loss);
        Assert.Equal(expected.GateShare, actual.GateShare);
    }
}
