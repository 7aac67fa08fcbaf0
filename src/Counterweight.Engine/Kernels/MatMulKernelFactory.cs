using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing;

namespace Counterweight.Engine.Kernels;

/// <summary>Picks the kernel variant: the fastest that the machine has, or the one that is asked for.</summary>
public static class MatMulKernelFactory
{
    /// <summary>Environment variable that forces a variant where nothing else does.</summary>
    public const string ForceVariable = "COUNTERWEIGHT_KERNELS";

    private static readonly (string Name, bool IsSupported, Func<string, MatMulKernel> Create)[] Variants =
    [
        ("avx512-vnni", Avx512Kernel.IsSupported && EmittedCodes.IsSupported, name => new Avx512Kernel(name, new EmittedCodes())),
        ("avx512", Avx512Kernel.IsSupported, name => new Avx512Kernel(name, new Codes512())),
        ("avx2-vnni", Avx2Kernel.IsSupported && AvxVnni.IsSupported, name => new Avx2Kernel(name, new Codes256<AvxVnniDots>())),
        ("avx2", Avx2Kernel.IsSupported, name => new Avx2Kernel(name, new Codes256<Avx2Dots>())),
        ("portable", true, name => new PortableKernel(name, new PortableCodes())),
    ];

    /// <summary>The variants that this machine can run, fastest first.</summary>
    public static IReadOnlyList<string> Available { get; } =
        [.. Variants.Where(variant => variant.IsSupported).Select(variant => variant.Name)];

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
        return Array.Find(Variants, variant => variant.Name == wanted).Create(wanted);
    }
}
