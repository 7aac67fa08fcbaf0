using Counterweight.Balancing.EnginePlanning;
using CsCheck;

namespace Counterweight.Balancing.Tests.EnginePlanning;

public sealed class OptimalSplitTests
{
    private static readonly Gen<(int[] Slots, long[] Tokens, int Devices)> Cases =
        from devices in Gen.Int[1, 5]
        from perDevice in Gen.Int[1, 3]
        from slots in Gen.Int[0, 5].Array[devices * perDevice]
        from tokens in Gen.Long[0, 100].Array[6]
        select (slots, tokens.Select((count, e) => slots.Contains(e) ? count : 0).ToArray(), devices);

    // By Hall's condition every set of devices must take the tokens of the experts whose copies all lie in it.
    [Fact]
    public void The_bound_is_that_of_the_tightest_set_of_devices() =>
        Cases.Sample(test =>
        {
            var (slots, tokens, devices) = test;
            var (perDevice, total) = (slots.Length / devices, (double)tokens.Sum());
            var bound = 1.0;
            for (var set = 1; set < 1 << devices && total > 0; set++)
            {
                var confined = tokens.Where((_, e) => Enumerable.Range(0, slots.Length)
                    .All(s => slots[s] != e || (set >> (s / perDevice) & 1) == 1)).Sum();
                bound = Math.Max(bound, confined * devices / total / int.PopCount(set));
            }
            Assert.Equal(bound, new OptimalSplit(slots, 6, devices).Imbalance(tokens), 1e-7);
        }, iter: 2000);
}
