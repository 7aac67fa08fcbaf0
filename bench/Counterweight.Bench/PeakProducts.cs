using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Engine.Kernels;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Counterweight.Bench;

/// <summary>The peak of the products of short numbers on one thread, in G(FL)OP/s: registers alone, twelve chains, by the best instruction that kernels use.</summary>
internal static unsafe class PeakProducts
{
    private const int Steps = 200_000, Chains = 12;

    /// <summary>Products of bytes: AVX512-VNNI where it can be emitted, else AVX-VNNI, else AVX2.</summary>
    public static double Bytes()
    {
        if (EmittedCodes.IsSupported)
            return Emitted((assembler, sum) => assembler.vpdpbusd(sum, zmm30, zmm31), Vector512<byte>.Count);
        if (AvxVnni.IsSupported)
            return Speed(() => VnniChains(), Vector256<byte>.Count);
        return Avx2.IsSupported ? Speed(() => Avx2Chains(), Vector256<byte>.Count) : 0;
    }

    /// <summary>Products of bfloat16 values: AVX512-BF16 where it can be emitted, else those of the widened values.</summary>
    public static double BFloat16() =>
        EmittedCodes.HasBFloat16 ? Emitted((assembler, sum) => assembler.vdpbf16ps(sum, zmm30, zmm31), Vector512<ushort>.Count) : Processor.PeakGflops();

    private static double Emitted(Action<Assembler, AssemblerRegisterZMM> multiply, int products) =>
        ExecutableMemory.TryCreate(Emit(multiply), out var code)
            ? Speed(() => ((delegate* unmanaged<long, void>)code)(Steps), products)
            : throw new InvalidOperationException("executable memory was granted before and is refused now");

    private static double Speed(Action chains, int products) => 2.0 * Steps * Chains * products / Processor.BestSeconds(chains) / 1e9;

    private static byte[] Emit(Action<Assembler, AssemblerRegisterZMM> multiply)
    {
        AssemblerRegisterZMM[] sums = [zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11];
        var assembler = new Assembler(64);
        var loop = assembler.CreateLabel();
        assembler.Label(ref loop);
        foreach (var sum in sums)
            multiply(assembler, sum);
        assembler.dec(rdi);
        assembler.jnz(loop);
        assembler.vzeroupper();
        assembler.ret();
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int VnniChains()
    {
        var (u, s) = (Vector256.Create((byte)3), Vector256.Create((sbyte)-2));
        Vector256<int> a = default, b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
        for (var step = 0; step < Steps; step++)
        {
            a = AvxVnni.MultiplyWideningAndAdd(a, u, s);
            b = AvxVnni.MultiplyWideningAndAdd(b, u, s);
            c = AvxVnni.MultiplyWideningAndAdd(c, u, s);
            d = AvxVnni.MultiplyWideningAndAdd(d, u, s);
            e = AvxVnni.MultiplyWideningAndAdd(e, u, s);
            f = AvxVnni.MultiplyWideningAndAdd(f, u, s);
            g = AvxVnni.MultiplyWideningAndAdd(g, u, s);
            h = AvxVnni.MultiplyWideningAndAdd(h, u, s);
            i = AvxVnni.MultiplyWideningAndAdd(i, u, s);
            j = AvxVnni.MultiplyWideningAndAdd(j, u, s);
            k = AvxVnni.MultiplyWideningAndAdd(k, u, s);
            l = AvxVnni.MultiplyWideningAndAdd(l, u, s);
        }
        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Avx2Chains()
    {
        var (u, s, one) = (Vector256.Create((byte)3), Vector256.Create((sbyte)-2), Vector256<short>.One);
        Vector256<int> a = default, b = a, c = a, d = a, e = a, f = a;
        for (var step = 0; step < Steps * Chains / 6; step++)
        {
            a += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(u ^ a.AsByte(), s), one);
            b += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(u ^ b.AsByte(), s), one);
            c += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(u ^ c.AsByte(), s), one);
            d += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(u ^ d.AsByte(), s), one);
            e += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(u ^ e.AsByte(), s), one);
            f += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(u ^ f.AsByte(), s), one);
        }
        return Vector256.Sum(a + b + c + d + e + f);
    }
}
