namespace Counterweight.Engine.Layers;

/// <summary>Attention of a decoder's tokens to all tokens of the source that an encoder has read (Vaswani et al. 2017, section 3.2.3).</summary>
/// <param name="rows">Where the decoder's rows are worked on.</param>
/// <param name="layer">The layer's place in the source's cache.</param>
/// <param name="query">[heads · headDim, hidden].</param>
/// <param name="key">[heads · headDim, hidden].</param>
/// <param name="value">[heads · headDim, hidden].</param>
/// <param name="output">[hidden, heads · headDim].</param>
internal sealed unsafe class CrossAttention(AttentionRows rows, int layer, Linear query, Linear key, Linear value, Linear output) : SequenceMixer
{
    /// <summary>Stores keys and values of what the encoder has made of the sources, once for all tokens that will ask.</summary>
    /// <param name="encoded">The encoder's pass, its output normed.</param>
    /// <param name="encoderRows">Where the encoder's rows are worked on.</param>
    public void Read(ForwardPass encoded, AttentionRows encoderRows)
    {
        key.Forward(encoded.Normed, encoded.Rows, key.Inputs, encoderRows.Keys, key.Outputs);
        value.Forward(encoded.Normed, encoded.Rows, value.Inputs, encoderRows.Values, value.Outputs);
        encoderRows.Store(layer);
    }

    public override void Forward(ForwardPass pass, float* x)
    {
        query.Forward(x, pass.Rows, query.Inputs, rows.Queries, query.Outputs);
        rows.AttendToSources(layer);
        output.Forward(rows.Attended, pass.Rows, output.Inputs, pass.Output, output.Outputs);
    }

    public override void Dispose()
    {
        query.Dispose();
        key.Dispose();
        value.Dispose();
        output.Dispose();
    }
}
