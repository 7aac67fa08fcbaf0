using System.Numerics.Tensors;

namespace Counterweight.Engine.Layers;

/// <summary>What an expert or MLP makes of its first projection, or of its gate and up projections.</summary>
public abstract unsafe class Activation
{
    /// <summary>SwiGLU (Shazeer 2020): silu(gate) · up.</summary>
    public static Activation SwiGlu { get; } = new SwiGluActivation();

    /// <summary>max(x, 0).</summary>
    public static Activation Relu { get; } = new ElementActivation(x => TensorPrimitives.Max(x, 0f, x));

    /// <summary>GELU (Hendrycks &amp; Gimpel 2016): x/2 · (1 + erf(x/√2)).</summary>
    public static Activation Gelu { get; } = new ElementActivation(Map(x => (float)(0.5 * x * (1 + ErrorFunction.Of(x / Math.Sqrt(2))))));

    /// <summary>x · sigmoid(x).</summary>
    public static Activation Silu { get; } = new ElementActivation(Map(x => x / (1 + MathF.Exp(-x))));

    /// <summary>GELU's usual approximation (Hendrycks &amp; Gimpel 2016): x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))).</summary>
    public static Activation GeluTanh { get; } = new ElementActivation(Map(x => 0.5f * x * (1 + MathF.Tanh(0.7978845608f * (x + 0.044715f * x * x * x)))));

    /// <summary>hidden = act(hidden), or act(hidden, up) where there are two projections, element by element.</summary>
    /// <param name="hidden">The only projection, or the gate.</param>
    /// <param name="up">The up projection; unused where there is one projection.</param>
    /// <param name="count">Elements.</param>
    public abstract void Apply(float* hidden, float* up, int count);

    // In the order in which messages name them.
    private static readonly (string Name, Activation Plain)[] Known =
    [
        ("silu", Silu), ("swish", Silu), ("gelu", Gelu), ("gelu_new", GeluTanh), ("gelu_pytorch_tanh", GeluTanh), ("relu", Relu),
    ];

    /// <summary>The names that configs have for the activations that are known.</summary>
    public static IEnumerable<string> Names => Known.Select(known => known.Name);

    /// <summary>The activation of a name, for MLPs of two matrices; null where it is not known.</summary>
    public static Activation? Plain(string name) => Known.FirstOrDefault(known => known.Name == name).Plain;

    /// <summary>The same for MLPs of three matrices: act(gate) · up.</summary>
    public static Activation? Gated(string name) => Plain(name) is not { } plain ? null : plain == Silu ? SwiGlu : new GatedActivation(plain);

    private static InPlace Map(Func<float, float> of) => x =>
    {
        foreach (ref var value in x)
            value = of(value);
    };

    private delegate void InPlace(Span<float> x);

    private sealed class ElementActivation(InPlace apply) : Activation
    {
        public override void Apply(float* hidden, float* up, int count) => apply(new Span<float>(hidden, count));
    }

    private sealed class SwiGluActivation : Activation
    {
        public override void Apply(float* hidden, float* up, int count) => VectorMath.SiluMultiply(hidden, up, count);
    }

    private sealed class GatedActivation(Activation gate) : Activation
    {
        public override void Apply(float* hidden, float* up, int count)
        {
            gate.Apply(hidden, null, count);
            var product = new Span<float>(hidden, count);
            TensorPrimitives.Multiply(product, new ReadOnlySpan<float>(up, count), product);
        }
    }
}
