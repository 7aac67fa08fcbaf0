namespace Counterweight.Engine.Models;

/// <summary>Sees the intermediate results of a forward pass, for verification against reference outputs.</summary>
public interface IForwardTrace
{
    /// <summary>The residual stream after a layer, [rows, hidden]. An encoder's layers come first, and have the sources' rows.</summary>
    void Hidden(int layer, ReadOnlySpan<float> values);

    /// <summary>A router's logits before the softmax, [rows, experts].</summary>
    void RouterLogits(int layer, ReadOnlySpan<float> logits);

    /// <summary>What an encoder has made of the sources, [rows, hidden]; only models with an encoder have it.</summary>
    void Encoded(ReadOnlySpan<float> values)
    {
    }

    /// <summary>A router's choices, [rows, k] each; a choice that was dropped is the complement of its expert.</summary>
    void RouterChoices(int layer, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights);
}
