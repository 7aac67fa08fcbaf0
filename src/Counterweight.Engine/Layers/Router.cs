using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>Scores all experts for each token and chooses k of them; families differ in how scores become choices and weights.</summary>
public abstract unsafe class Router : IDisposable
{
    private readonly Linear _gate; // [experts, inputs]
    private readonly RowWork _choose;
    private readonly FloatBuffer _logits = new();  // [rows, experts]
    private readonly FloatBuffer _weights = new(); // [rows, k]
    private int[] _ids = [];

    /// <summary>Takes over the router's projection.</summary>
    /// <param name="context">Kernels and threads.</param>
    /// <param name="gate">[experts, inputs].</param>
    /// <param name="topK">Experts of a token.</param>
    protected Router(ComputeContext context, Linear gate, int topK)
    {
        _gate = gate;
        TopK = topK;
        _choose = new RowWork(context.Pool, ChooseRows);
    }

    /// <summary>Logical experts.</summary>
    public int Experts => _gate.Outputs;

    /// <summary>Experts of a token.</summary>
    public int TopK { get; }

    /// <summary>Chosen experts of the last batch, [rows, k]; a choice that was dropped is the complement of its expert.</summary>
    public ReadOnlySpan<int> Ids => _ids;

    /// <summary>The same, to be changed before the experts get them.</summary>
    internal Span<int> Choices => _ids;

    /// <summary>Their weights, [rows, k].</summary>
    public float* Weights => _weights.Pointer;

    /// <summary>Logits of the last batch, [rows, experts], until <see cref="Choose(int)"/> overwrites them.</summary>
    public float* Logits => _logits.Pointer;

    /// <summary>Computes the logits of x [rows, hidden].</summary>
    public virtual void Score(float* x, int rows)
    {
        _logits.Reserve((long)rows * Experts);
        _weights.Reserve((long)rows * TopK);
        if (_ids.Length < rows * TopK)
            _ids = new int[Math.Max(rows * TopK, _ids.Length * 2)];
        _gate.Forward(x, rows, _gate.Inputs, _logits.Pointer, Experts);
    }

    /// <summary>Turns the logits into choices.</summary>
    public void Choose(int rows) => _choose.Run(rows);

    /// <summary>Chooses for one token.</summary>
    /// <param name="scores">The logits, [experts]; may be overwritten.</param>
    /// <param name="ids">Receives the chosen experts, [k].</param>
    /// <param name="weights">Receives what their outputs are multiplied with, [k].</param>
    protected abstract void Choose(Span<float> scores, Span<int> ids, Span<float> weights);

    /// <summary>The sum in order: k is too small for anything else.</summary>
    private protected static float Sum(ReadOnlySpan<float> weights)
    {
        var sum = 0f;
        foreach (var weight in weights)
            sum += weight;
        return sum;
    }

    private protected static void Divide(Span<float> weights, float divisor)
    {
        foreach (ref var weight in weights)
            weight /= divisor;
    }

    private protected static void Multiply(Span<float> weights, float factor)
    {
        foreach (ref var weight in weights)
            weight *= factor;
    }

    private void ChooseRows(int begin, int end)
    {
        for (var row = begin; row < end; row++)
            Choose(
                new Span<float>(_logits.Pointer + (long)row * Experts, Experts),
                _ids.AsSpan(row * TopK, TopK),
                new Span<float>(_weights.Pointer + (long)row * TopK, TopK));
    }

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        _gate.Dispose();
        _logits.Dispose();
        _weights.Dispose();
        GC.SuppressFinalize(this);
    }
}
