using Counterweight.Balancing;

namespace Counterweight.Engine.Kernels;

/// <summary>Picks the kernel variant: the fastest that the machine has, or the one that is asked for.</summary>
public static class MatMulKernelFactory
{
    /// <summary>Environment variable that forces a variant where nothing else does.</summary>
    public const string ForceVariable = "COUNTERWEIGHT_KERNELS";

    private static readonly (string Name, Func<bool> IsSupported, Func<MatMulKernel> Create)[] Variants =
    [
        ("avx512", () => Avx512Kernel.IsSupported, () => new Avx512Kernel()),
        ("avx2", () => Avx2Kernel.IsSupported, () => new Avx2Kernel()),
        ("portable", () => true, () => new PortableKernel()),
    ];

    /// <summary>The variants that this machine can run, fastest first.</summary>
    public static IReadOnlyList<string> Available { get; } =
        [.. Variants.Where(variant => variant.IsSupported()).Select(variant => variant.Name)];

    /// <summary>A kernel.</summary>
    /// <param name="name">The variant; null: what <see cref="ForceVariable"/> says, else the fastest.</param>
    /// <exception cref="InvalidInputException">There is no such variant, or this machine cannot run it.</exception>
    public static MatMulKernel Create(string? name = null)
    {
        var forced = Environment.GetEnvironmentVariable(ForceVariable);
        var wanted = name ?? (string.IsNullOrEmpty(forced) ? Available[0] : forced);
        if (!Available.Contains(wanted))
            throw new InvalidInputException(
                name is null ? ForceVariable : "kernels", $"\"{wanted}\"", $"one of {string.Join(", ", Available)} on this machine");
        return Array.Find(Variants, variant => variant.Name == wanted).Create();
    }
}
