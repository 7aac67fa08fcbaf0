using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies.Budget;

/// <summary>
/// Chooses copies, precisions and devices together: as much balance as the bytes and the predicted loss allow, uneven over layers and
/// experts. At a price of memory the precisions follow from the losses and the copies from their gain per cost; the price is raised,
/// which buys slots with bits, until the loss limit is reached. Default precisions: int8 and int4; of a checkpoint in a block format that format
/// itself, which loses nothing, and those of the two that are smaller.
/// </summary>
public sealed class BudgetPolicy : IPlanPolicy
{
    internal const string PolicyName = "budget";

    private readonly BudgetPolicyOptions _options;

    /// <summary>The policy with these options.</summary>
    /// <exception cref="InvalidInputException">An option is out of its range.</exception>
    public BudgetPolicy(BudgetPolicyOptions options) => _options = BudgetPolicyOptions.Parse(options.ToDictionary());

    /// <inheritdoc/>
    public string Name => PolicyName;

    /// <inheritdoc/>
    /// <exception cref="InvalidInputException">
    /// The request is out of its ranges, no losses were measured, or budget or loss limit can't be met even without replicas.
    /// </exception>
    public Plan Create(PlanRequest request)
    {
        request = request with { Precisions = request.Precisions ?? DefaultPrecisions(request) };
        PlanRequestValidator.Check(request);
        var copies = new PriceSearch(request, request.Precisions, _options).Run();
        return PlanAssembly.Place(request, copies, new PlanPolicy(Name, _options.ToDictionary(), request.Seed));
    }

    private static Precision[] DefaultPrecisions(PlanRequest request)
    {
        Precision[] integers = [Precision.Int8, Precision.Int4];
        return request.Costs.Original == Precision.Stored ? [Precision.Stored, .. request.Costs.CheaperThanOriginal(request.Model, integers)] : integers;
    }
}
