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
        var (shape, kernel) = (model.Shape, model.Context.Kernel);
        var statistics = new ActivationStatistics(kernel, shape.MoeLayers.Count, shape.Experts, shape.Hidden, (_, _) => shape.ExpertIntermediate);
        model.Observer = statistics;
        var part = texts.Select(text => text with { Sequences = [.. text.Sequences.Where((_, i) => i % 2 == half)] });
        new Calibrator(model, new CalibrationOptions()).RecordLoads([.. part]);
        model.Observer = null;
        return statistics;
    }

    private static string Measure(MoeModel model, ActivationStatistics seen, ActivationStatistics other, IntegerGrid grid)
    {
        var shape = model.Shape;
        var sums = new Sums();
        for (var i = 0; i < shape.MoeLayers.Count * shape.Experts; i += Stride)
        {
            var (layer, expert) = (i / shape.Experts, i % shape.Experts);
            var weights = model.OriginalExperts.Get(layer, expert, model.OriginalExperts.StoredPrecision);
            var (here, there) = (seen[layer, expert], other[layer, expert]);
            if (here.Gates.Count == 0 || there.Gates.Count == 0)
                continue;
            SecondMoment? input = null, hidden = null;
            sums.MomentSeconds += CpuSeconds(() => input = SecondMoment.Of(here.InputMoment, shape.Hidden));
            sums.MomentSeconds += CpuSeconds(() => hidden = SecondMoment.Of(here.HiddenMoment, shape.ExpertIntermediate));
            sums.Add(weights.Gate!, grid, input!, here.InputMoment, there.InputMoment);
            sums.Add(weights.Up, grid, input!, here.InputMoment, there.InputMoment);
            sums.Add(weights.Down, grid, hidden!, here.HiddenMoment, there.HiddenMoment);
        }
        return sums.ToText(grid);
    }

    /// <summary>Logarithms of errors and seconds, over matrices.</summary>
    private sealed class Sums
    {
        private double _onSeen, _onOther, _plainError, _plainSeconds, _compensatedSeconds;
        private int _matrices;

        public double MomentSeconds { get; set; }

        public void Add(QuantizedMatrix stored, IntegerGrid grid, SecondMoment moment, float[] seen, float[] other)
        {
            var weights = Quantizer.Dequantize(stored);
            QuantizedMatrix plain = stored, compensated = stored;
            _plainSeconds += CpuSeconds(() => plain = Quantizer.Quantize(weights, stored.Outputs, stored.Inputs, grid.Precision));
            _compensatedSeconds += CpuSeconds(() => compensated = ErrorCompensatedQuantizer.Quantize(weights, stored.Outputs, moment, grid));
            _plainError += Math.Log(RelativeError(weights, plain));
            _onSeen += Math.Log(Error(weights, compensated, seen) / Error(weights, plain, seen));
            _onOther += Math.Log(Error(weights, compensated, other) / Error(weights, plain, other));
            _matrices++;
        }

        public string ToText(IntegerGrid grid)
        {
            var experts = _matrices / 3.0;
            return string.Create(CultureInfo.InvariantCulture, $"""
                {grid.Precision.Name()}, {experts} experts
                  rounded to nearest: |w - q|^2 / |w|^2              {Math.Exp(_plainError / _matrices):G4}
                  compensated / nearest: error on the texts seen     {Math.Exp(_onSeen / _matrices):F3}
                  compensated / nearest: error on the other texts    {Math.Exp(_onOther / _matrices):F3}
                  ms an expert: moments, nearest, compensated        {1e3 * MomentSeconds / experts:F1}, {1e3 * _plainSeconds / experts:F1}, {1e3 * _compensatedSeconds / experts:F1}
                """);
        }
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
