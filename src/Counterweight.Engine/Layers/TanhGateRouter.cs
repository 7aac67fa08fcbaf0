using System.Numerics.Tensors;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>LLaMA-MoE's gate network: logits = W₂·tanh(W₁·x), then the softmax over the chosen.</summary>
/// <param name="context">Kernels and threads.</param>
/// <param name="inner">W₁ [experts, hidden].</param>
/// <param name="gate">W₂ [experts, experts].</param>
/// <param name="topK">Experts of a token.</param>
/// <param name="factor">What weights are multiplied with.</param>
internal sealed unsafe class TanhGateRouter(ComputeContext context, Linear inner, Linear gate, int topK, float factor) : ChosenSoftmaxRouter(context, gate, topK, factor)
{
    private readonly FloatBuffer _inner = new(); // [rows, experts]

    public override void Score(float* x, int rows)
    {
        var hidden = _inner.Reserve((long)rows * inner.Outputs);
        inner.Forward(x, rows, inner.Inputs, hidden, inner.Outputs);
        var values = new Span<float>(hidden, rows * inner.Outputs);
        TensorPrimitives.Tanh(values, values);
        base.Score(hidden, rows);
    }

    public override void Dispose()
    {
        base.Dispose();
        inner.Dispose();
        _inner.Dispose();
    }
}
