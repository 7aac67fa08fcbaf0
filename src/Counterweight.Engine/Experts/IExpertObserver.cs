namespace Counterweight.Engine.Experts;

/// <summary>What an expert was given and made of it, for calibration. Called by several workers at once,
/// but only once for each slot and pass.</summary>
public unsafe interface IExpertObserver
{
    /// <summary>Rows of one expert's work.</summary>
    /// <param name="layer">MoE layer, dense layers not counted.</param>
    /// <param name="expert">The logical expert.</param>
    /// <param name="rows">What went through it.</param>
    void Observe(int layer, int expert, in ExpertRows rows);
}

/// <summary>The tokens that one work item put through an expert.</summary>
/// <param name="Count">Rows.</param>
/// <param name="Gates">Router weight of each row, [Count].</param>
/// <param name="Input">The expert's input, [Count, hidden].</param>
/// <param name="Hidden">act(gate·x) ⊙ up·x, what the down projection is given, [Count, intermediate].</param>
/// <param name="Output">The expert's output before the router weight, [Count, hidden].</param>
public readonly unsafe record struct ExpertRows(int Count, nint Gates, nint Input, nint Hidden, nint Output)
{
    /// <summary>Router weights.</summary>
    public ReadOnlySpan<float> GateSpan => new((float*)Gates, Count);

    /// <summary>Input rows.</summary>
    public float* InputRows => (float*)Input;

    /// <summary>Hidden rows.</summary>
    public float* HiddenRows => (float*)Hidden;

    /// <summary>Output rows.</summary>
    public float* OutputRows => (float*)Output;
}
