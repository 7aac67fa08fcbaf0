namespace Counterweight.Engine.Layers;

/// <summary>The part of a decoder layer that works on each token alone.</summary>
internal abstract unsafe class FeedForward : IDisposable
{
    /// <summary>pass.Output = f(x), both [rows, hidden].</summary>
    public abstract void Forward(ForwardPass pass, float* x);

    public abstract void Dispose();
}

/// <summary>One MLP for all tokens.</summary>
internal sealed unsafe class DenseFeedForward(GatedMlp mlp) : FeedForward
{
    public override void Forward(ForwardPass pass, float* x) => mlp.Forward(x, pass.Rows, pass.Output);

    public override void Dispose() => mlp.Dispose();
}

/// <summary>Mixture of experts (Shazeer et al. 2017): a router, the experts of its layer, and perhaps one that every token goes through.</summary>
/// <param name="router">Chooses.</param>
/// <param name="bank">MoE layer, dense layers not counted.</param>
/// <param name="shared">Added to the experts' sum; null for none.</param>
internal sealed unsafe class SparseFeedForward(Router router, int bank, SharedExpert? shared = null) : FeedForward
{
    public override void Forward(ForwardPass pass, float* x)
    {
        router.Score(x, pass.Rows);
        pass.Trace?.RouterLogits(pass.Layer, new ReadOnlySpan<float>(router.Logits, pass.Rows * router.Experts));
        router.Choose(pass.Rows);
        pass.Trace?.RouterChoices(pass.Layer, router.Ids[..(pass.Rows * router.TopK)], new ReadOnlySpan<float>(router.Weights, pass.Rows * router.TopK));
        pass.Banks[bank].Forward(x, pass.Rows, router.Ids, router.Weights, pass.Output, pass.Batch.IsDecode);
        shared?.AddTo(x, pass.Rows, pass.Output);
    }

    public override void Dispose()
    {
        router.Dispose();
        shared?.Dispose();
    }
}
