using Counterweight.Engine.Threading;

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

/// <summary>One MLP of two matrices for all tokens: down(act(up·x)).</summary>
internal sealed unsafe class PlainFeedForward : FeedForward
{
    private readonly Linear _up;   // [intermediate, hidden]
    private readonly Linear _down; // [hidden, intermediate]
    private readonly Activation _activation;
    private readonly FloatBuffer _inner; // [rows, intermediate]
    private readonly RowWork _activate;

    /// <summary>Takes over the projections.</summary>
    /// <param name="context">Kernels and threads.</param>
    /// <param name="up">[intermediate, hidden].</param>
    /// <param name="down">[hidden, intermediate].</param>
    /// <param name="activation">act.</param>
    /// <param name="scratch">Room that layers may share.</param>
    public PlainFeedForward(ComputeContext context, Linear up, Linear down, Activation activation, FloatBuffer scratch)
    {
        (_up, _down, _activation, _inner) = (up, down, activation, scratch);
        _activate = new RowWork(context.Pool, Activate);
    }

    public override void Forward(ForwardPass pass, float* x)
    {
        _inner.Reserve((long)pass.Rows * _up.Outputs);
        _up.Forward(x, pass.Rows, _up.Inputs, _inner.Pointer, _up.Outputs);
        _activate.Run(pass.Rows);
        _down.Forward(_inner.Pointer, pass.Rows, _down.Inputs, pass.Output, _down.Outputs);
    }

    private void Activate(int begin, int end) => _activation.Apply(_inner.Pointer + (long)begin * _up.Outputs, null, (end - begin) * _up.Outputs);

    public override void Dispose()
    {
        _up.Dispose();
        _down.Dispose();
    }
}

/// <summary>Mixture of experts (Shazeer et al. 2017): a router, the experts of its layer, and perhaps one that every token goes through.</summary>
/// <param name="router">Chooses.</param>
/// <param name="bank">MoE layer, dense layers not counted.</param>
/// <param name="shared">Added to the experts' sum; null for none.</param>
internal sealed unsafe class SparseFeedForward(Router router, int bank, SharedExpert? shared = null) : FeedForward
{
    /// <summary>Limits the tokens of an expert; null for no limit. Only for routers that choose one expert.</summary>
    public ExpertCapacity? Capacity { get; init; }

    public override void Forward(ForwardPass pass, float* x)
    {
        router.Score(x, pass.Rows);
        pass.Trace?.RouterLogits(pass.Layer, new ReadOnlySpan<float>(router.Logits, pass.Rows * router.Experts));
        router.Choose(pass.Rows);
        Capacity?.Apply(pass, router.Choices);
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
