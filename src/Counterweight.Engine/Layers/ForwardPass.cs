using System.Numerics.Tensors;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>
/// A batch on its way through the layers of a decoder: the residual stream, and what its blocks hand each other. Reused from pass to pass.
/// </summary>
internal sealed unsafe class ForwardPass : IDisposable
{
    private readonly int _hidden;
    private readonly FloatBuffer _residual = new(); // [rows, hidden]
    private readonly FloatBuffer _normed = new();   // [rows, hidden]
    private readonly FloatBuffer _output = new();   // [rows, hidden]
    private readonly RowWork _embed, _normRows, _addAndNormRows, _addRows, _normOutputRows;
    private int[] _sequenceOfRow = [];
    private RowNorm _norm = null!;
    private Embedding _embedding = null!;
    private float _factor = 1;

    public ForwardPass(ComputeContext context, int hidden, IReadOnlyList<ExpertBank> banks)
    {
        _hidden = hidden;
        Banks = banks;
        _embed = new RowWork(context.Pool, Embed);
        _normRows = new RowWork(context.Pool, Norm);
        _addAndNormRows = new RowWork(context.Pool, AddAndNorm);
        _addRows = new RowWork(context.Pool, Add);
        _normOutputRows = new RowWork(context.Pool, NormOutput);
    }

    /// <summary>The tokens.</summary>
    public Batch Batch { get; private set; } = new();

    /// <summary>Number of tokens.</summary>
    public int Rows => Batch.Rows;

    /// <summary>The layer that is at work.</summary>
    public int Layer { get; set; }

    /// <summary>The experts of each MoE layer.</summary>
    public IReadOnlyList<ExpertBank> Banks { get; }

    /// <summary>Sees intermediate results if set.</summary>
    public IForwardTrace? Trace { get; private set; }

    /// <summary>Whether expert capacity is counted in each pass for itself.</summary>
    public bool CapacityByPass { get; set; }

    /// <summary>The residual stream as a whole.</summary>
    public ReadOnlySpan<float> ResidualRows => new(Residual, Rows * _hidden);

    /// <summary>The normed rows as a whole.</summary>
    public ReadOnlySpan<float> NormedRows => new(Normed, Rows * _hidden);

    /// <summary>The residual stream, [rows, hidden].</summary>
    public float* Residual => _residual.Pointer;

    /// <summary>The residual stream after a norm, [rows, hidden].</summary>
    public float* Normed => _normed.Pointer;

    /// <summary>What a block adds, [rows, hidden].</summary>
    public float* Output => _output.Pointer;

    /// <summary>The cache of the sequence that a row belongs to.</summary>
    public KvSequence CacheOf(int row) => Batch[_sequenceOfRow[row]].Cache;

    /// <summary>Makes room in the buffers and caches.</summary>
    public void Begin(Batch batch, IForwardTrace? trace)
    {
        Batch = batch;
        Trace = trace;
        if (_sequenceOfRow.Length < Rows)
            _sequenceOfRow = new int[Math.Max(Rows, _sequenceOfRow.Length * 2)];
        for (var s = 0; s < batch.Sequences; s++)
        {
            var (cache, first, count) = batch[s];
            cache.Reserve(cache.Length + count);
            _sequenceOfRow.AsSpan(first, count).Fill(s);
        }
        foreach (var buffer in (ReadOnlySpan<FloatBuffer>)[_residual, _normed, _output])
            buffer.Reserve((long)Rows * _hidden);
    }

    /// <summary>Counts the rows as part of their sequences, at the end of the pass.</summary>
    public void Advance()
    {
        for (var s = 0; s < Batch.Sequences; s++)
            Batch[s].Cache.Advance(Batch[s].Rows);
    }

    /// <summary>residual = embedding · factor.</summary>
    public void Embed(Embedding embedding, float factor)
    {
        (_embedding, _factor) = (embedding, factor);
        _embed.Run(Rows);
    }

    /// <summary>normed = norm(residual).</summary>
    public void Norm(RowNorm norm)
    {
        _norm = norm;
        _normRows.Run(Rows);
    }

    /// <summary>output = norm(output).</summary>
    public void NormOutput(RowNorm norm)
    {
        _norm = norm;
        _normOutputRows.Run(Rows);
    }

    /// <summary>residual += output · factor.</summary>
    public void Add(float factor = 1)
    {
        _factor = factor;
        _addRows.Run(Rows);
    }

    /// <summary>residual += output · factor; normed = norm(residual).</summary>
    public void AddAndNorm(RowNorm norm, float factor = 1)
    {
        (_norm, _factor) = (norm, factor);
        _addAndNormRows.Run(Rows);
    }

    private void Embed(int begin, int end)
    {
        for (var row = begin; row < end; row++)
        {
            var vector = new Span<float>(Residual + (long)row * _hidden, _hidden);
            _embedding.Lookup(Batch.Tokens[row], vector);
            if (_factor != 1)
                TensorPrimitives.Multiply(vector, _factor, vector);
        }
    }

    private void Norm(int begin, int end)
    {
        for (var row = begin; row < end; row++)
            _norm.Apply(Residual + (long)row * _hidden, Normed + (long)row * _hidden);
    }

    private void NormOutput(int begin, int end)
    {
        for (var row = begin; row < end; row++)
            _norm.Apply(Output + (long)row * _hidden, Output + (long)row * _hidden);
    }

    private void AddAndNorm(int begin, int end)
    {
        Add(begin, end);
        Norm(begin, end);
    }

    private void Add(int begin, int end)
    {
        var output = new ReadOnlySpan<float>(Output + (long)begin * _hidden, (end - begin) * _hidden);
        if (_factor == 1)
            VectorMath.Add(Residual + (long)begin * _hidden, output);
        else
            VectorMath.AddScaled(Residual + (long)begin * _hidden, output, _factor);
    }

    public void Dispose()
    {
        foreach (var buffer in (ReadOnlySpan<FloatBuffer>)[_residual, _normed, _output])
            buffer.Dispose();
    }
}
