using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>Sizes of multi-head latent attention.</summary>
/// <param name="Heads">Heads.</param>
/// <param name="Plain">Dimensions of a query and key that are not rotated.</param>
/// <param name="Rotated">Dimensions that are; the keys' are shared by all heads.</param>
/// <param name="Value">Dimensions of a value.</param>
/// <param name="Latent">Width that keys and values are made from.</param>
internal sealed record LatentSizes(int Heads, int Plain, int Rotated, int Value, int Latent)
{
    /// <summary>Dimensions of a query and key.</summary>
    public int HeadDim => Plain + Rotated;
}

/// <summary>
/// Multi-head latent attention (DeepSeek-AI 2024, "DeepSeek-V2", section 2.1): keys and values of all heads are made from one narrow latent, position sits in a
/// part of the key that all heads share.
/// </summary>
internal sealed unsafe class LatentAttention : SequenceMixer
{
    private readonly AttentionRows _rows;
    private readonly LatentSizes _sizes;
    private readonly int _layer;
    private readonly FloatBuffer _narrow;   // [rows, latent + rotated]
    private readonly FloatBuffer _expanded; // [rows, heads, plain + value]
    private readonly HeadPreparation _prepare;
    private readonly RowWork _normLatent, _normQuery, _spread;
    private ForwardPass _pass = null!;

    /// <summary>An attention layer; its weights follow by name.</summary>
    /// <param name="context">Kernels and threads.</param>
    /// <param name="rows">Where the rows are worked on.</param>
    /// <param name="layer">The layer's place in the caches.</param>
    /// <param name="sizes">Sizes.</param>
    /// <param name="prepare">Rotation.</param>
    /// <param name="scratch">Two buffers that all layers may share.</param>
    public LatentAttention(ComputeContext context, AttentionRows rows, int layer, LatentSizes sizes, HeadPreparation prepare, (FloatBuffer, FloatBuffer) scratch)
    {
        (_rows, _layer, _sizes, _prepare) = (rows, layer, sizes, prepare);
        (_narrow, _expanded) = scratch;
        _normLatent = new RowWork(context.Pool, NormLatent);
        _normQuery = new RowWork(context.Pool, NormQuery);
        _spread = new RowWork(context.Pool, Spread);
    }

    /// <summary>[queryRank, hidden], or null where queries are made in one step.</summary>
    public Linear? QueryDown { get; init; }

    /// <summary>[queryRank]; null with <see cref="QueryDown"/>.</summary>
    public RowNorm? QueryNorm { get; init; }

    /// <summary>[heads · headDim, queryRank or hidden], each head plain, then rotated.</summary>
    public required Linear Query { get; init; }

    /// <summary>[latent + rotated, hidden].</summary>
    public required Linear KeyValueDown { get; init; }

    /// <summary>[latent].</summary>
    public required RowNorm LatentNorm { get; init; }

    /// <summary>[heads · (plain + value), latent].</summary>
    public required Linear KeyValueUp
    {
        get;
        init
        {
            field = value;
            _rows.KeysAndValuesFrom(value);
        }
    }

    /// <summary>[hidden, heads · value].</summary>
    public required Linear Output { get; init; }

    private int NarrowWidth => _sizes.Latent + _sizes.Rotated;

    private int ExpandedWidth => _sizes.Heads * (_sizes.Plain + _sizes.Value);

    public override void Forward(ForwardPass pass, float* x)
    {
        _pass = pass;
        ProjectQueries(x);
        _narrow.Reserve((long)pass.Rows * NarrowWidth);
        _expanded.Reserve((long)pass.Rows * ExpandedWidth);
        KeyValueDown.Forward(x, pass.Rows, KeyValueDown.Inputs, _narrow.Pointer, NarrowWidth);
        _normLatent.Run(pass.Rows);
        KeyValueUp.Forward(_narrow.Pointer, pass.Rows, NarrowWidth, _expanded.Pointer, ExpandedWidth);
        _spread.Run(pass.Rows);
        _rows.Attend(_layer, _prepare, AttentionReach.Full, null);
        Output.Forward(_rows.Attended, pass.Rows, Output.Inputs, pass.Output, Output.Outputs);
    }

    private void ProjectQueries(float* x)
    {
        if (QueryDown is null)
        {
            Query.Forward(x, _pass.Rows, Query.Inputs, _rows.Queries, Query.Outputs);
            return;
        }
        _narrow.Reserve((long)_pass.Rows * QueryDown.Outputs);
        QueryDown.Forward(x, _pass.Rows, QueryDown.Inputs, _narrow.Pointer, QueryDown.Outputs);
        _normQuery.Run(_pass.Rows);
        Query.Forward(_narrow.Pointer, _pass.Rows, Query.Inputs, _rows.Queries, Query.Outputs);
    }

    private void NormQuery(int begin, int end)
    {
        for (var row = begin; row < end; row++)
            QueryNorm!.Apply(_narrow.Pointer + (long)row * QueryDown!.Outputs, _narrow.Pointer + (long)row * QueryDown.Outputs);
    }

    private void NormLatent(int begin, int end)
    {
        for (var row = begin; row < end; row++)
            LatentNorm.Apply(_narrow.Pointer + (long)row * NarrowWidth, _narrow.Pointer + (long)row * NarrowWidth);
    }

    /// <summary>Gives every head its key, of which all share the last part, and its value.</summary>
    private void Spread(int begin, int end)
    {
        var (plain, value) = (_sizes.Plain, _sizes.Value);
        for (var row = begin; row < end; row++)
        {
            var shared = new ReadOnlySpan<float>(_narrow.Pointer + (long)row * NarrowWidth + _sizes.Latent, _sizes.Rotated);
            for (var head = 0; head < _sizes.Heads; head++)
            {
                var source = _expanded.Pointer + (long)row * ExpandedWidth + head * (plain + value);
                var key = _rows.Keys + (long)row * _rows.KeyWidth + head * _sizes.HeadDim;
                new ReadOnlySpan<float>(source, plain).CopyTo(new Span<float>(key, plain));
                shared.CopyTo(new Span<float>(key + plain, _sizes.Rotated));
                new ReadOnlySpan<float>(source + plain, value).CopyTo(new Span<float>(_rows.Values + (long)row * _rows.ValueWidth + head * value, value));
            }
        }
    }

    public override void Dispose()
    {
        foreach (var weights in (ReadOnlySpan<Linear?>)[QueryDown, Query, KeyValueDown, KeyValueUp, Output])
            weights?.Dispose();
    }
}
