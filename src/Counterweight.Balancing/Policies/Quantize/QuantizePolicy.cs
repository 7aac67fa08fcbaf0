using System.Globalization;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies.Quantize;

/// <summary>
/// Lowers the precision of experts by their load alone and copies nothing: a baseline that saves bytes and leaves the balance as it is.
/// The precision is the first of the request's, by default int8.
/// </summary>
public sealed class QuantizePolicy : IPlanPolicy
{
    internal const string PolicyName = "quantize";

    private readonly QuantizePolicyOptions _options;

    /// <summary>The policy with these options.</summary>
    /// <exception cref="InvalidInputException">An option is out of its range.</exception>
    public QuantizePolicy(QuantizePolicyOptions options) => _options = QuantizePolicyOptions.Parse(options.ToDictionary());

    /// <inheritdoc/>
    public string Name => PolicyName;

    /// <inheritdoc/>
    /// <exception cref="InvalidInputException">The request is out of its ranges, or its budget needs more experts or a lower precision.</exception>
    public Plan Create(PlanRequest request)
    {
        request = request with { Precisions = request.Precisions ?? [Precision.Int8] };
        PlanRequestValidator.Check(request);
        var loads = ExpertLoads.Sum([.. request.Traces.Select(trace => trace.Total)]);
        var copies = Enumerable.Range(0, loads.Layers).Select(layer => (IReadOnlyList<ExpertCopy>)Copies(request, loads[layer])).ToArray();
        var plan = PlanAssembly.Place(request, copies, new PlanPolicy(Name, _options.ToDictionary(), request.Seed));
        if (plan.Budget.PlannedBytes > request.Budget * plan.Budget.OriginalBytes)
            throw new InvalidInputException("budget", request.Budget.ToString(CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"at least {(double)plan.Budget.PlannedBytes / plan.Budget.OriginalBytes:F4}, a larger share or a lower precision"));
        return plan;
    }

    // Ties go to the lower expert.
    private ExpertCopy[] Copies(PlanRequest request, ReadOnlySpan<long> loads)
    {
        var tokens = loads.ToArray();
        var experts = Enumerable.Range(0, tokens.Length);
        var order = _options.Experts == QuantizedExpertChoice.Cold ? experts.OrderBy(expert => tokens[expert]) : experts.OrderByDescending(expert => tokens[expert]);
        var quantized = order.Take((int)Math.Round(_options.Share * tokens.Length)).ToHashSet();
        return [.. experts.Select(expert => new ExpertCopy(expert, quantized.Contains(expert) ? request.Precisions![0] : request.Costs.Original))];
    }
}
