namespace Counterweight.Balancing.Policies.Robust;

/// <summary>
/// Simulated annealing over the slots of one layer. The power of the smooth maximum rises and the temperature falls as the search goes on;
/// the last part only descends.
/// </summary>
internal sealed class Annealing(LayerState state, MoveLimits limits, ulong seed)
{
    // Temperature relative to the change of the smooth maximum that one device's whole load makes. Higher starts scramble the copies that
    // replication chose well; measured on recorded traffic that was held out.
    private const double Start = 0.1, End = 0.001, DescentFrom = 0.95;

    private const int StepsPerFocus = 2048, StepsPerLook = 256;

    // One step in this many changes copies: they decide how a plan carries over to other traffic, places do not.
    private const int StepsPerRecopy = 32;

    private static readonly int[] Squarings = [4, 5, 6];

    // −ln u for evenly spaced u: the temperatures' share by which a step may worsen.
    private static readonly float[] Exponential = [.. Enumerable.Range(0, 1024).Select(i => (float)-Math.Log((i + 0.5) / 1024))];

    private SearchRandom _random = new(seed);

    /// <summary>Searches until <paramref name="progress"/> of the steps taken reaches 1.</summary>
    /// <param name="progress">From the number of steps taken to 0 … 1.</param>
    public void Run(Func<long, double> progress)
    {
        var squarings = Squarings[0];
        for (long step = 0; progress(step) is < 1 and var done; step += StepsPerLook)
        {
            if (step % StepsPerFocus == 0)
                state.Focus(squarings = Squarings[(int)(done * Squarings.Length)]);
            var relative = done < DescentFrom ? Start * Math.Pow(End / Start, done) : 0;
            var temperature = (float)(relative / ((1 << squarings) * state.Devices));
            for (var i = 0; i < StepsPerLook; i++)
                Step(temperature);
        }
        state.Focus(Squarings[^1]);
    }

    private void Step(float temperature)
    {
        var draw = _random.Next();
        var (a, b) = (Slot(draw), Slot(draw >> 32));
        var kind = _random.Next();
        var allowed = temperature * Exponential[kind >> 54];
        if (kind % StepsPerRecopy == 0)
            Recopy(a, (kind & StepsPerRecopy) == 0 ? a : b, state.ExpertOf[b], allowed);
        else
            Swap(a, b, allowed);
    }

    private void Swap(int a, int b, float allowed)
    {
        var (x, p, y, q) = (state.ExpertOf[a], state.DeviceOf[a], state.ExpertOf[b], state.DeviceOf[b]);
        if (!state.CanSwap(a, b) || !limits.MayStand(x, q) || !limits.MayStand(y, p))
            return;
        if (state.TrySwap(a, b) + limits.SwapCost(x, p, y, q) < allowed)
            state.Swap(a, b);
    }

    // The expert that gains a copy is one of the slots' experts, so that experts with many copies are tried more often. With from ≠ to it
    // is not the one that stands there: the slot is drawn again.
    private void Recopy(int from, int to, int expert, float allowed)
    {
        if (from != to)
            expert = state.ExpertOf[_random.Below(state.Slots)];
        if (!state.CanRecopy(from, to, expert))
            return;
        var (giver, moved, p, q) = (state.ExpertOf[from], state.ExpertOf[to], state.DeviceOf[from], state.DeviceOf[to]);
        if (!limits.MayStand(expert, q) || (from != to && !limits.MayStand(moved, p)))
            return;
        var moves = limits.CostOf(expert, q) - limits.CostOf(giver, p);
        if (from != to)
            moves += limits.CostOf(moved, p) - limits.CostOf(moved, q);
        if (state.TryRecopy(from, to, expert) + moves < allowed)
            state.Recopy(from, to, expert);
    }

    private int Slot(ulong bits) => (int)((uint)bits * (ulong)state.Slots >> 32);
}
