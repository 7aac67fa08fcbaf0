using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Engine.Kernels;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Counterweight.Bench;

/// <summary>The peak of byte products: registers alone, twelve chains, by AVX512-VNNI where it can be emitted, else AVX-VNNI, else AVX2.</summary>
internal static unsafe class PeakBytes
{
    private const int Steps = 200_000, Chains = 12;

    public static double Measure()
    {
        if (Avx512VnniCodes.IsSupported && ExecutableMemory.TryCreate(Emit(), out var code))
            return Speed(() => ((delegate* unmanaged<long, void>)code)(Steps), Vector512<byte>.Count);
        if (AvxVnni.IsSupported)
            return Speed(() => VnniChains(), Vector256<byte>.Count);
        return Avx2.IsSupported ? Speed(() => Avx2Chains(), Vector256<byte>.Count) : 0;
    }

    private static double Speed(Action chains, int bytes) => 2.0 * Steps * Chains * bytes / Processor.BestSeconds(chains) / 1e9;

    private static byte[] Emit()
    {
        AssemblerRegisterZMM[] sums = [zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11];
        var assembler = new Assembler(64);
        var loop = assembler.CreateLabel();
        assembler.Label(ref loop);
        foreach (var sum in sums)
            assembler.vpdpbusd(sum, zmm30, zmm31);
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
