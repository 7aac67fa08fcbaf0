namespace Counterweight.Engine.Layers;

/// <summary>The part of a decoder layer that lets tokens see each other: attention or a convolution.</summary>
internal abstract unsafe class SequenceMixer : IDisposable
{
    /// <summary>pass.Output = mix(x), both [rows, hidden]; what later tokens need goes into the caches.</summary>
    public abstract void Forward(ForwardPass pass, float* x);

    public abstract void Dispose();
}
