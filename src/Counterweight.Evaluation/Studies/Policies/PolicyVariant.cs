using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Evaluation.Studies.Policies;

/// <summary>One way of planning that is compared with others.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Policy">The plan policy.</param>
/// <param name="Precisions">Precisions of copies; the first of them is the one that policies with one take.</param>
/// <param name="Options">Options of the policy.</param>
internal sealed record PolicyVariant(string Name, string Policy, IReadOnlyList<Precision> Precisions, params (string Name, string Value)[] Options)
{
    /// <summary>Limit on expert bytes as a ratio to the original.</summary>
    public double Budget { get; init; } = 1;

    /// <summary>Limit on the predicted rise of the loss; null: the default.</summary>
    public double? MaxLoss { get; init; }

    /// <summary>Which copy a token goes to.</summary>
    public string Split { get; init; } = "by-gate";

    /// <summary>Makes the plan.</summary>
    /// <exception cref="Balancing.InvalidInputException">The policy has none for this request.</exception>
    public Plan Create(PlanRequest request)
    {
        request = request with { Precisions = Precisions, Budget = Budget, MaxLoss = MaxLoss ?? request.MaxLoss };
        return PlanPolicies.Create(Policy, Options.ToDictionary(option => option.Name, option => option.Value)).Create(request);
    }

    /// <summary>How <c>balance</c> makes the same kind of plan.</summary>
    public string Command => string.Join(' ', new[]
    {
        $"balance --policy {Policy} --precisions {string.Join(',', Precisions.Select(precision => precision.Name()))}",
        string.Join(' ', Options.Select(option => $"--policy-option {option.Name}={option.Value}")),
        Budget == 1 ? "" : FormattableString.Invariant($"--budget {Budget}"),
        MaxLoss is { } loss ? FormattableString.Invariant($"--max-loss {loss}") : "",
    }.Where(part => part.Length > 0));
}
