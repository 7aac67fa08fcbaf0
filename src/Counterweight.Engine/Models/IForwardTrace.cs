namespace Counterweight.Engine.Models;

/// <summary>Sees the intermediate results of a forward pass, for verification against reference outputs.</summary>
public interface IForwardTrace
{
    /// <summary>The residual stream after a layer, [rows, hidden].</summary>
    void Hidden(int layer, ReadOnlySpan<float> values);

    /// <summary>A router's logits before the softmax, [rows, experts].</summary>
    void RouterLogits(int layer, ReadOnlySpan<float> logits);

    /// <summary>A router's choices, [rows, k] each.</summary>
    void RouterChoices(int layer, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights);
}
