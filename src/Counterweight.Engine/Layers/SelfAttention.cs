namespace Counterweight.Engine.Layers;

/// <summary>Grouped-query self-attention: four projections around <see cref="Attention"/>.</summary>
/// <param name="rows">Where the rows are worked on.</param>
/// <param name="layer">The attention layer's place in the caches.</param>
/// <param name="query">[heads · headDim, hidden].</param>
/// <param name="key">[kvHeads · headDim, hidden].</param>
/// <param name="value">[kvHeads · headDim, hidden].</param>
/// <param name="output">[hidden, heads · headDim].</param>
/// <param name="prepare">Norms and rotation.</param>
internal sealed unsafe class SelfAttention(
    AttentionRows rows, int layer, Linear query, Linear key, Linear value, Linear output, HeadPreparation prepare) : SequenceMixer
{
    private readonly LinearGroup _projections = Projections(rows, query, key, value);

    /// <summary>Which keys a query sees.</summary>
    public AttentionReach Reach { get; init; }

    /// <summary>One more logit for each head, [heads]; null for none.</summary>
    public float[]? Sinks { get; init; }

    /// <summary>Added to scores by distance; null for nothing.</summary>
    public RelativeBias? Bias { get; init; }

    private static LinearGroup Projections(AttentionRows rows, Linear query, Linear key, Linear value)
    {
        rows.KeysAndValuesFrom(key, value);
        return new LinearGroup(rows.Context, query, key, value);
    }

    public override void Forward(ForwardPass pass, float* x)
    {
        _projections.Forward(x, pass.Rows, [(nint)rows.Queries, (nint)rows.Keys, (nint)rows.Values]);
        rows.Attend(layer, prepare, Reach, Sinks, Bias);
        output.Forward(rows.Attended, pass.Rows, output.Inputs, pass.Output, output.Outputs);
    }

    public override void Dispose()
    {
        _projections.Dispose();
        output.Dispose();
    }
}
