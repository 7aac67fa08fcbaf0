namespace Counterweight.Engine.Layers;

/// <summary>A layer of a decoder: adds to the residual stream of a pass.</summary>
internal abstract class DecoderLayer : IDisposable
{
    public abstract void Forward(ForwardPass pass);

    public abstract void Dispose();
}

/// <summary>The usual layer: x += mix(norm(x)); x += mlp(norm(x)) (Xiong et al. 2020).</summary>
internal sealed unsafe class PreNormLayer(RowNorm mixerNorm, SequenceMixer mixer, RowNorm mlpNorm, FeedForward mlp) : DecoderLayer
{
    /// <summary>What the blocks' results are multiplied with before they are added.</summary>
    public float ResidualMultiplier { get; init; } = 1;

    public override void Forward(ForwardPass pass)
    {
        pass.Norm(mixerNorm);
        mixer.Forward(pass, pass.Normed);
        pass.AddAndNorm(mlpNorm, ResidualMultiplier);
        mlp.Forward(pass, pass.Normed);
        pass.Add(ResidualMultiplier);
    }

    public override void Dispose()
    {
        mixer.Dispose();
        mlp.Dispose();
    }
}

/// <summary>A layer that reads a source as well: x += mix(norm(x)); x += read(norm(x)); x += mlp(norm(x)) (Vaswani et al. 2017, norms first).</summary>
internal sealed class ReadingLayer(RowNorm mixerNorm, SequenceMixer mixer, RowNorm readerNorm, CrossAttention reader, RowNorm mlpNorm, FeedForward mlp) : DecoderLayer
{
    public override unsafe void Forward(ForwardPass pass)
    {
        pass.Norm(mixerNorm);
        mixer.Forward(pass, pass.Normed);
        pass.AddAndNorm(readerNorm);
        reader.Forward(pass, pass.Normed);
        pass.AddAndNorm(mlpNorm);
        mlp.Forward(pass, pass.Normed);
        pass.Add();
    }

    public override void Dispose()
    {
        mixer.Dispose();
        reader.Dispose();
        mlp.Dispose();
    }
}
