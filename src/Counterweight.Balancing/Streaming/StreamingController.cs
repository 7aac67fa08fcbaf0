using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Streaming;

/// <summary>
/// Keeps a served plan in step with its traffic: is told the load of each window, and proposes swaps. The owner puts a swap into effect
/// between batches and says whether it succeeded; a failed swap leaves the former plan. Pure but for the clock, and for one thread at a
/// time; made by <see cref="StreamingControllers.Create"/>.
/// </summary>
public sealed class StreamingController
{
    private readonly PlanSearch _search;
    private readonly SwapGate? _gate;
    private readonly LoadEstimate _estimate, _window;
    private PlanSwap? _pending;

    internal StreamingController(string name, Plan plan, PlanSearch search, double factor, SwapGate? gate, int? foreseesAfter)
    {
        (Name, Plan, _search, _gate, ForeseesAfter) = (name, plan, search, gate, foreseesAfter);
        _estimate = new LoadEstimate(plan.Layers.Count, plan.Model.Experts, factor);
        _window = new LoadEstimate(plan.Layers.Count, plan.Model.Experts, 0);
    }

    /// <summary>One of <see cref="StreamingControllers.Names"/>.</summary>
    public string Name { get; }

    /// <summary>The plan that is served: the first one, or that of the last swap that succeeded.</summary>
    public Plan Plan { get; private set; }

    /// <summary>Windows of a segment after which <see cref="Foresee"/> is to be called; null for controllers that know nothing beforehand.</summary>
    public int? ForeseesAfter { get; }

    /// <summary>Takes the loads of a window that was served.</summary>
    /// <param name="window">Tokens of each logical expert, [MoE layers, experts].</param>
    /// <returns>A swap to put into effect and to <see cref="Complete"/>; null where the plan stays, or while another swap is under
    /// way.</returns>
    /// <exception cref="InvalidInputException">The loads have another shape than the plan's model.</exception>
    public PlanSwap? Observe(ExpertLoads window)
    {
        CheckShape(window);
        _estimate.Observe(window);
        _window.Restart(window);
        _gate?.Observe(window);
        if (_pending is not null || ForeseesAfter is not null)
            return null;
        return _pending = _gate is null ? _search.Run(Plan, _estimate) : WorthWhile(window, _gate);
    }

    /// <summary>Tells what the coming windows will hold, before they are served. Only <c>oracle</c> and <c>late-oracle</c> listen.</summary>
    /// <param name="coming">Tokens of each logical expert, [MoE layers, experts].</param>
    /// <returns>As <see cref="Observe"/>.</returns>
    /// <exception cref="InvalidInputException">The loads have another shape than the plan's model.</exception>
    public PlanSwap? Foresee(ExpertLoads coming)
    {
        CheckShape(coming);
        if (_pending is not null || ForeseesAfter is null)
            return null;
        _window.Restart(coming);
        return _pending = _search.Run(Plan, _window);
    }

    /// <summary>Ends a swap.</summary>
    /// <param name="swap">What <see cref="Observe"/> or <see cref="Foresee"/> returned last.</param>
    /// <param name="succeeded">False if the former plan is still served.</param>
    public void Complete(PlanSwap swap, bool succeeded)
    {
        if (!ReferenceEquals(swap, _pending))
            throw new ArgumentException("not the swap under way", nameof(swap));
        _pending = null;
        _gate?.Tried();
        if (succeeded)
            Plan = swap.After;
    }

    private PlanSwap? WorthWhile(ExpertLoads window, SwapGate gate)
    {
        // The average is slow to see a jump, the last window is noisy: whichever shows more than chance explains is believed.
        var expected = gate.Expect(_estimate);
        var excess = Excess(expected, gate);
        var last = gate.Expect(_window);
        if (Excess(last, gate) is var jump && jump > excess && jump > gate.Threshold)
        {
            gate.Learn(_estimate.Before(window));
            _estimate.Restart(window);
            (expected, excess) = (last, jump);
        }
        if (excess <= gate.Threshold)
        {
            gate.End();
            return null;
        }
        if (!gate.IsOpen)
            return null;
        var swap = _search.Run(Plan, expected);
        if (swap is not null && swap.ImbalanceBefore - swap.ImbalanceAfter - gate.Chance(Plan, expected) > gate.Threshold)
            return swap;
        gate.End();
        return null;
    }

    private double Excess(IExpectedLoads expected, SwapGate gate) => _search.Imbalance(Plan, expected) - 1 - gate.Chance(Plan, expected);

    private void CheckShape(ExpertLoads loads)
    {
        if (loads.Layers != Plan.Layers.Count || loads.Experts != Plan.Model.Experts)
            throw new InvalidInputException("loads", $"{loads.Layers} layers of {loads.Experts} experts",
                $"{Plan.Layers.Count} MoE layers of {Plan.Model.Experts} experts, as in the plan");
    }
}
