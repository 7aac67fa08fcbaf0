using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing;
using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Tests.Kernels;

public class MatMulKernelFactoryTests
{
    [Fact]
    public void Available_lists_what_the_processor_has_fastest_first()
    {
        // The emitted variant needs an operating system that lets it run as well; then it comes first.
        var emitted = MatMulKernelFactory.Available.Contains("avx512-vnni");
        Assert.True(!emitted || (Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0));
        var fma = Fma.IsSupported && Avx2.IsSupported;
        (string Name, bool IsThere)[] variants =
            [("avx512-vnni", emitted), ("avx512", Avx512BW.IsSupported), ("avx2-vnni", fma && AvxVnni.IsSupported), ("avx2", fma), ("portable", true)];
        Assert.Equal(variants.Where(variant => variant.IsThere).Select(variant => variant.Name), MatMulKernelFactory.Available);
    }

    [Fact]
    public void Create_makes_the_variant_that_is_named()
    {
        foreach (var name in MatMulKernelFactory.Available)
            Assert.Equal(name, MatMulKernelFactory.Create(name).Name);
    }

    [Fact]
    public void The_environment_variable_forces_a_variant_and_names_the_choices_when_it_is_wrong()
    {
        var former = Environment.GetEnvironmentVariable(MatMulKernelFactory.ForceVariable);
        try
        {
            Environment.SetEnvironmentVariable(MatMulKernelFactory.ForceVariable, "portable");
            Assert.Equal("portable", MatMulKernelFactory.Create().Name);
            Environment.SetEnvironmentVariable(MatMulKernelFactory.ForceVariable, "");
            Assert.Equal(MatMulKernelFactory.Available[0], MatMulKernelFactory.Create().Name);
            Environment.SetEnvironmentVariable(MatMulKernelFactory.ForceVariable, "sse9");
            var refused = Assert.Throws<InvalidInputException>(() => MatMulKernelFactory.Create());
            Assert.Equal(MatMulKernelFactory.ForceVariable, refused.Where);
            Assert.All(MatMulKernelFactory.Available, name => Assert.Contains(name, refused.Expected, StringComparison.Ordinal));
        }
        finally
        {
            Environment.SetEnvironmentVariable(MatMulKernelFactory.ForceVariable, former);
        }
    }
}
