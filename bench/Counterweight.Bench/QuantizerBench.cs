using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;

namespace Counterweight.Bench;

/// <summary>
/// Error and time of quantizing a model's experts. The error is (w − q)ᵀH(w − q), geometric mean over matrices against rounding to
/// nearest: under the H of the texts that the quantizer saw, and under that of the other half of them.
/// </summary>
internal static class QuantizerBench
{
    /// <summary>Every so-many-th expert is measured.</summary>
    private const int Stride = 7;

    public static void Run(string model, string[] texts)
    {
        using var loaded = LoadedModel.Open(model);
        var all = CalibrationText.Read(texts, loaded.Tokenizer, null, 512);
        var seen = Statistics(loaded.Model, all, 0);
        var other = Statistics(loaded.Model, all, 1);
        foreach (var grid in (IntegerGrid[])[IntegerGrid.Int4, IntegerGrid.Int8])
            Console.WriteLine(Measure(loaded.Model, seen, other, grid));
    }

    private static ActivationStatistics Statistics(MoeModel model, IReadOnlyList<TokenText> texts, int half)
    {
        var shape = model.Shape;
        var statistics = new ActivationStatistics(model.Context.Kernel, shape.MoeLayers.Count, shape.Experts, shape.Hidden, shape.ExpertIntermediate);
        model.Observer = statistics;
        new Calibrator(model, new CalibrationOptions()).RecordLoads([.. texts.Select(text => text with { Sequences = [.. text.Sequences.Where((_, i) => i % 2 == half)] })]);
        model.Observer = null;
        return statistics;
    }

    private static string Measure(MoeModel model, ActivationStatistics seen, ActivationStatistics other, IntegerGrid grid)
    {
        var shape = model.Shape;
        double onSeen = 0, onOther = 0, plainError = 0, plainTime = 0, momentTime = 0, compensatedTime = 0;
        var matrices = 0;
        for (var i = 0; i < shape.MoeLayers.Count * shape.Experts; i += Stride)
        {
            var (layer, expert) = (i / shape.Experts, i % shape.Experts);
            var weights = model.OriginalExperts.Get(layer, expert, model.OriginalExperts.StoredPrecision);
            var (statistics, held) = (seen[layer, expert], other[layer, expert]);
            SecondMoment? input = null, hidden = null;
            momentTime += CpuSeconds(() => (input, hidden) = (SecondMoment.Of(statistics.InputMoment, shape.Hidden), SecondMoment.Of(statistics.HiddenMoment, shape.ExpertIntermediate)));
            foreach (var (matrix, moment, h, heldH) in ((QuantizedMatrix, SecondMoment?, float[], float[])[])
                [(weights.Gate, input, statistics.InputMoment, held.InputMoment), (weights.Up, input, statistics.InputMoment, held.InputMoment), (weights.Down, hidden, statistics.HiddenMoment, held.HiddenMoment)])
            {
                if (moment is null || TensorPrimitives.Max<float>(heldH) == 0)
                    continue;
                var w = Quantizer.Dequantize(matrix);
                QuantizedMatrix? plain = null, compensated = null;
                plainTime += CpuSeconds(() => plain = Quantizer.Quantize(w, matrix.Outputs, matrix.Inputs, grid.Precision));
                compensatedTime += CpuSeconds(() => compensated = ErrorCompensatedQuantizer.Quantize(w, matrix.Outputs, moment, grid));
                plainError += Math.Log(RelativeError(w, plain!));
                onSeen += Math.Log(Error(w, compensated!, h) / Error(w, plain!, h));
                onOther += Math.Log(Error(w, compensated!, heldH) / Error(w, plain!, heldH));
                matrices++;
            }
        }
        var experts = matrices / 3.0;
        return string.Create(CultureInfo.InvariantCulture,
            $"{grid.Precision.Name()}: nearest |w - q|^2 / |w|^2 {Math.Exp(plainError / matrices):G4}; compensated / nearest error {Math.Exp(onSeen / matrices):F3} on the texts seen, {Math.Exp(onOther / matrices):F3} on others; " +
            $"ms an expert: moments {1e3 * momentTime / experts:F1}, nearest {1e3 * plainTime / experts:F1}, compensated {1e3 * compensatedTime / experts:F1}");
    }

    /// <summary>Processor time, which other processes do not stretch.</summary>
    private static double CpuSeconds(Action action)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        action();
        process.Refresh();
        return (process.TotalProcessorTime - before).TotalSeconds;
    }

    private static double RelativeError(float[] weights, QuantizedMatrix quantized)
    {
        var distance = TensorPrimitives.Distance<float>(weights, Quantizer.Dequantize(quantized));
        return (double)distance * distance / TensorPrimitives.SumOfSquares<float>(weights);
    }

    private static double Error(float[] weights, QuantizedMatrix quantized, float[] h)
    {
        var difference = new float[weights.Length];
        TensorPrimitives.Subtract(weights, Quantizer.Dequantize(quantized), difference);
        double sum = 0;
        var inputs = quantized.Inputs;
        for (var row = 0; row < quantized.Outputs; row++)
        {
            var d = difference.AsSpan(row * inputs, inputs);
            for (var i = 0; i < inputs; i++)
                sum += (double)d[i] * TensorPrimitives.Dot(h.AsSpan(i * inputs, inputs), d);
        }
        return sum;
    }
}
