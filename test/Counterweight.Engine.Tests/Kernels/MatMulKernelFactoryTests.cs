using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing;
using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Tests.Kernels;

public class MatMulKernelFactoryTests
{
    [Fact]
    public void Available_lists_what_the_processor_has_fastest_first()
    {
        (string Name, bool IsThere)[] variants = [("avx512", Avx512BW.IsSupported), ("avx2", Fma.IsSupported && Avx2.IsSupported), ("portable", true)];
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
