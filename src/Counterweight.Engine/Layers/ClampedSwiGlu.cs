namespace Counterweight.Engine.Layers;

/// <summary>gpt-oss's SwiGLU: (up + 1)·g·sigmoid(α·g), g limited from above, up to ±limit.</summary>
/// <param name="limit">What gate and up are limited to.</param>
/// <param name="alpha">Slope within the sigmoid.</param>
public sealed unsafe class ClampedSwiGlu(float limit, float alpha) : Activation
{
    /// <inheritdoc/>
    public override void Apply(float* hidden, float* up, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var g = MathF.Min(hidden[i], limit);
            var u = Math.Clamp(up[i], -limit, limit);
            hidden[i] = (u + 1) * g / (1 + MathF.Exp(-alpha * g));
        }
    }
}
