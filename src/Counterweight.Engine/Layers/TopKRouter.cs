using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>The softmax router: probabilities over all experts, the k largest chosen, their weights renormalised where the model says so.</summary>
public sealed unsafe class TopKRouter : IDisposable
{
    private readonly Linear _gate; // [experts, hidden]
    private readonly int _topK;
    private readonly bool _renormalise;
    private readonly RowWork _choose;
    private readonly FloatBuffer _logits = new();  // [rows, experts]
    private readonly FloatBuffer _weights = new(); // [rows, k]
    private int[] _ids = [];

    /// <summary>Takes over the router's projection.</summary>
    public TopKRouter(ComputeContext context, Linear gate, int topK, bool renormalise)
    {
        (_gate, _topK, _renormalise) = (gate, topK, renormalise);
        _choose = new RowWork(context.Pool, Choose);
    }

    /// <summary>Chosen experts of the last batch, [rows, k], largest weight first.</summary>
    public ReadOnlySpan<int> Ids => _ids;

    /// <summary>Their weights, [rows, k].</summary>
    public float* Weights => _weights.Pointer;

    /// <summary>Probabilities of the last batch, [rows, experts]; logits while a trace is being taken.</summary>
    public float* Logits => _logits.Pointer;

    /// <summary>Computes the logits of x [rows, hidden].</summary>
    public void Score(float* x, int rows)
    {
        _logits.Reserve((long)rows * _gate.Outputs);
        _weights.Reserve((long)rows * _topK);
        if (_ids.Length < rows * _topK)
            _ids = new int[Math.Max(rows * _topK, _ids.Length * 2)];
        _gate.Forward(x, rows, _gate.Inputs, _logits.Pointer, _gate.Outputs);
    }

    /// <summary>Turns the logits into choices.</summary>
    public void Choose(int rows) => _choose.Run(rows);

    private void Choose(int begin, int end)
    {
        for (var row = begin; row < end; row++)
        {
            var probabilities = new Span<float>(_logits.Pointer + (long)row * _gate.Outputs, _gate.Outputs);
            VectorMath.Softmax(probabilities);
            var ids = _ids.AsSpan(row * _topK, _topK);
            var weights = new Span<float>(_weights.Pointer + (long)row * _topK, _topK);
            TopK.Select(probabilities, ids, weights);
            if (!_renormalise)
                continue;
            var sum = 0f;
            foreach (var weight in weights)
                sum += weight;
            foreach (ref var weight in weights)
                weight /= sum;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gate.Dispose();
        _logits.Dispose();
        _weights.Dispose();
    }
}

/// <summary>The k largest of a few values.</summary>
public static class TopK
{
    /// <summary>Writes the indices and values of the ids.Length largest, descending; equal values go to the lower index.</summary>
    public static void Select(ReadOnlySpan<float> values, Span<int> ids, Span<float> largest)
    {
        var found = 0;
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i];
            if (found == ids.Length && !(value > largest[^1]))
                continue;
            var place = found < ids.Length ? found++ : found - 1;
            for (; place > 0 && value > largest[place - 1]; place--)
                (ids[place], largest[place]) = (ids[place - 1], largest[place - 1]);
            (ids[place], largest[place]) = (i, value);
        }
    }
}
