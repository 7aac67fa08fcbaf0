using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Models;

/// <summary>The encoder of an encoder-decoder: reads the sources of a batch and leaves in their caches what the decoder's layers will attend to.</summary>
internal sealed unsafe class Encoder : IDisposable
{
    private ForwardPass? _pass;

    /// <summary>[vocabulary, hidden].</summary>
    public required Embedding Embedding { get; init; }

    public required DecoderLayer[] Layers { get; init; }

    public required RowNorm FinalNorm { get; init; }

    /// <summary>Where attention is worked on.</summary>
    public required AttentionRows Attention { get; init; }

    /// <summary>The decoder's cross attention, layer by layer.</summary>
    public required CrossAttention[] Readers { get; init; }

    /// <summary>Reads the sources; <paramref name="newPass"/> makes the pass at the first time.</summary>
    public void Read(Batch sources, IForwardTrace? trace, Func<ForwardPass> newPass)
    {
        var pass = _pass ??= newPass();
        pass.Begin(sources, trace);
        Attention.Begin(pass);
        pass.Embed(Embedding, 1);
        for (var l = 0; l < Layers.Length; l++)
        {
            pass.Layer = l;
            Layers[l].Forward(pass);
            trace?.Hidden(l, pass.ResidualRows);
        }
        pass.Norm(FinalNorm);
        trace?.Encoded(pass.NormedRows);
        foreach (var reader in Readers)
            reader.Read(pass, Attention);
        pass.Advance();
    }

    public void Dispose()
    {
        foreach (var layer in Layers)
            layer.Dispose();
        Attention.Dispose();
        _pass?.Dispose();
    }
}
