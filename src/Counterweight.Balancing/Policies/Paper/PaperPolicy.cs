using System.Globalization;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies.Paper;

/// <summary>
/// Replicate-and-Quantize (R&amp;Q, Algorithm 3): in each layer a low-precision replica of the heavy hitter, which itself stays as it is,
/// and the least important expert quantized in place to pay for it. Replicas and quantized experts have the first of the request's
/// precisions; by default fp16 for fp32 checkpoints and llm.int8 for others, as in the paper, or int4 for those that are that small already. If that is the checkpoint's own
/// precision, nothing is quantized: the outputs stay bit-equal and the budget must allow for the replicas.
/// </summary>
public sealed class PaperPolicy : IPlanPolicy
{
    internal const string PolicyName = "paper";

    private readonly PaperPolicyOptions _options;

    /// <summary>The policy with these options.</summary>
    /// <exception cref="InvalidInputException">An option is out of its range.</exception>
    public PaperPolicy(PaperPolicyOptions options) => _options = PaperPolicyOptions.Parse(options.ToDictionary());

    /// <inheritdoc/>
    public string Name => PolicyName;

    /// <inheritdoc/>
    /// <exception cref="InvalidInputException">
    /// The request is out of its ranges, lacks what the importance reading needs, or its budget is too small: says which would do.
    /// </exception>
    public Plan Create(PlanRequest request)
    {
        request = request with { Precisions = request.Precisions ?? [DefaultPrecision(request)] };
        PlanRequestValidator.Check(request);
        var low = request.Precisions[0];
        var loads = ExpertLoads.Sum([.. request.Traces.Select(trace => trace.Total)]);
        var layers = new PaperLayer[loads.Layers];
        for (var l = 0; l < layers.Length; l++)
        {
            var copies = Replicas(loads[l], request.Devices);
            layers[l] = new PaperLayer(copies, Quantizable(request, l, loads[l], copies, low));
            if (low != request.Costs.Original)
                layers[l].Quantize(_options.Quantized);
        }
        KeepBudget(request, layers, low);
        return PlanAssembly.Place(request, [.. layers.Select(layer => layer.ToCopies(request.Costs.Original, low))],
            new PlanPolicy(Name, _options.ToDictionary(), request.Seed));
    }

    // [experts] copies of each; ties go to the lower expert.
    private int[] Replicas(ReadOnlySpan<long> loads, int devices)
    {
        var (copies, most) = (new int[loads.Length], devices > 1 ? devices : int.MaxValue);
        Array.Fill(copies, 1);
        for (var r = 0; r < _options.Replicas; r++)
        {
            var best = -1;
            for (var e = 0; e < copies.Length; e++)
                if (copies[e] < (_options.ReplicaChoice == ReplicaChoice.Distinct ? Math.Min(2, most) : most)
                    && (best < 0 || (double)loads[e] / copies[e] > (double)loads[best] / copies[best]))
                    best = e;
            if (best < 0)
                throw new InvalidInputException("policy paper: option replicas", $"{_options.Replicas}",
                    $"at most {r} for {copies.Length} experts on {devices} devices with replica-choice {_options.ToDictionary()["replica-choice"]}");
            copies[best]++;
        }
        return copies;
    }

    // Experts that may be quantized in place, the least important first; nothing is ranked where nothing can be quantized.
    private int[] Quantizable(PlanRequest request, int layer, ReadOnlySpan<long> loads, int[] copies, Precision low)
    {
        if (low == request.Costs.Original || _options.Quantized == 0)
            return [];
        var ranking = LeastImportant.Rank(request, _options.Importance, layer, loads, low);
        return _options.Collision == CollisionRule.Quantize ? ranking : [.. ranking.Where(expert => copies[expert] == 1)];
    }

    private static Precision DefaultPrecision(PlanRequest request)
    {
        if (request.Costs.Original == Precision.Fp32)
            return Precision.Fp16;
        return request.Costs.CheaperThanOriginal(request.Model, [Precision.LlmInt8, Precision.Int4]).FirstOrDefault(request.Costs.Original);
    }

    private static void KeepBudget(PlanRequest request, PaperLayer[] layers, Precision low)
    {
        var (costs, original) = (request.Costs, request.Costs.OriginalBytes(request.Model));
        var bytes = original;
        for (var l = 0; l < layers.Length; l++)
            bytes += layers[l].ExtraBytes(costs, l, low);
        var quantizedMore = true;
        while (bytes > request.Budget * original && quantizedMore)
        {
            quantizedMore = false;
            for (var l = 0; l < layers.Length && bytes > request.Budget * original; l++)
                if (layers[l].TryQuantizeOneMore() is { } expert)
                {
                    quantizedMore = true;
                    bytes -= costs.Of(l, expert, costs.Original) - costs.Of(l, expert, low);
                }
        }
        if (bytes > request.Budget * original)
            throw new InvalidInputException("budget", request.Budget.ToString(CultureInfo.InvariantCulture),
                $"at least {Math.Ceiling(bytes * 1e4 / original) / 1e4:F4} for replicas in {low.Name()}");
    }
}
