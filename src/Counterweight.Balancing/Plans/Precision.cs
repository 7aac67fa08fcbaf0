namespace Counterweight.Balancing.Plans;

/// <summary>How the weights of a physical expert are stored and computed with.</summary>
/// <remarks>In the order of falling quality: where copies of an expert differ, the first ones are the better ones.</remarks>
public enum Precision
{
    /// <summary>The checkpoint's own block format (fp8, GPTQ, Q4_K and so on), which may differ by layer and projection.</summary>
    Stored,

    /// <summary>IEEE single precision, 4 bytes a weight.</summary>
    Fp32,

    /// <summary>IEEE half precision, 2 bytes a weight.</summary>
    Fp16,

    /// <summary>bfloat16, 2 bytes a weight.</summary>
    Bf16,

    /// <summary>Float8 e4m3 in 128 × 128 blocks: forecasts for GPU engines only.</summary>
    Fp8,

    /// <summary>Symmetric int8 with one scale per output row; activations stay in floating point.</summary>
    Int8,

    /// <summary>LLM.int8() (Dettmers et al. 2022): int8 weights and activations, outlier columns apart.</summary>
    LlmInt8,

    /// <summary>Int4 in groups of 32 inputs with one bfloat16 scale each.</summary>
    Int4,
}

/// <summary>The names of precisions in files and options.</summary>
public static class PrecisionNames
{
    private static readonly string[] Names = ["stored", "fp32", "fp16", "bf16", "fp8", "int8", "llm.int8", "int4"];

    /// <summary>All names, in the order of <see cref="Precision"/>.</summary>
    public static IReadOnlyList<string> All => Names;

    /// <summary>The name of a precision, for example <c>int8</c>.</summary>
    public static string Name(this Precision precision) => Names[(int)precision];

    /// <summary>The precision of that name, or false.</summary>
    public static bool TryParse(string? name, out Precision precision)
    {
        var index = Array.IndexOf(Names, name);
        precision = (Precision)Math.Max(index, 0);
        return index >= 0;
    }
}
