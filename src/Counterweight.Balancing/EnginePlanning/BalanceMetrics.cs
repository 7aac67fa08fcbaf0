using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>
/// The balance of one plan under one trace in the words of four engines, even split. They disagree: ratios are averaged over layers, or
/// taken of sums; the larger or the smaller number is better.
/// </summary>
/// <param name="Sglang">SGLang balancedness: mean over layers of mean / max device load; 1 is perfect, less is worse.</param>
/// <param name="Vllm">vLLM balancedness: Σ over layers of the mean / Σ over layers of the maximum; 1 is perfect. Closest to
/// latency.</param>
/// <param name="Ascend">vllm-ascend PAR: mean over layers of max / mean; 1 is perfect, more is worse. The device imbalance of this
/// project.</param>
/// <param name="AscendWorst">The same of the worst layer.</param>
/// <param name="TensorRtLlm">TensorRT-LLM imbalance ratio: mean over layers of max / mean − 1; 0 is perfect.</param>
public sealed record BalanceMetrics(double Sglang, double Vllm, double Ascend, double AscendWorst, double TensorRtLlm)
{
    /// <summary>Computes all of them. Layers without load count as perfectly balanced.</summary>
    /// <exception cref="InvalidInputException">The loads have another shape than the plan.</exception>
    public static BalanceMetrics Of(EnginePlan plan, ExpertLoads loads)
    {
        DeviceLoads.CheckShape(plan, loads, "loads");
        var layers = loads.Layers;
        double inverse = 0, ratio = 0, worst = 0, means = 0, maxima = 0;
        for (var l = 0; l < layers; l++)
        {
            var devices = DeviceLoads.Even(plan.SlotExperts[l], loads[l], plan.Devices);
            var imbalance = LoadImbalance.MaxOverMean(devices);
            inverse += 1 / imbalance;
            ratio += imbalance;
            worst = Math.Max(worst, imbalance);
            means += devices.Average();
            maxima += devices.Max();
        }
        return new BalanceMetrics(inverse / layers, maxima > 0 ? means / maxima : 1, ratio / layers, worst, ratio / layers - 1);
    }
}
