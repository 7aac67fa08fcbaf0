using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Experts;
using CsCheck;

namespace Counterweight.Engine.Tests.Experts;

public class TokenDispatchTests
{
    private const int Experts = 5;
    private const int TopK = 2;
    private static readonly Precision[] Precisions = [Precision.Bf16, Precision.Int8, Precision.Int4];

    /// <summary>Some copies of each expert, choices of some tokens, and few different gates so that there are ties.</summary>
    private static readonly Gen<(Slot[] Slots, int[] Ids, float[] Gates)> Cases =
        from copies in Gen.Int[1, 3].Array[Experts]
        from precisions in Gen.Int[0, 2].Select(i => Precisions[i]).Array[Experts * 3]
        from slots in Gen.Shuffle(Enumerable.Range(0, Experts).SelectMany(e => Enumerable.Range(0, copies[e]).Select(c => new Slot(e, precisions[e * 3 + c], c))).ToArray())
        from tokens in Gen.Int[1, 40]
        from first in Gen.Int[0, Experts - 1].Array[tokens]
        from step in Gen.Int[1, Experts - 1].Array[tokens]
        from gates in Gen.Int[0, 4].Select(value => value / 4f).Array[tokens * TopK]
        select (slots, first.SelectMany((e, t) => new[] { e, (e + step[t]) % Experts }).ToArray(), gates);

    [Fact]
    public void EveryChoiceGoesOnceToACopyOfItsExpert()
    {
        foreach (var name in SplitPolicies.Names)
            Cases.Sample(
                c =>
                {
                    var dispatch = Sorted(c, name);
                    for (var s = 0; s < c.Slots.Length; s++)
                        foreach (var choice in RunOf(dispatch, s))
                            Assert.Equal(c.Slots[s].Expert, c.Ids[choice]);
                    Assert.Equal(Enumerable.Range(0, c.Ids.Length), Enumerable.Range(0, c.Slots.Length).SelectMany(s => RunOf(dispatch, s)).Order());
                    for (var choice = 0; choice < c.Ids.Length; choice++)
                        Assert.Equal(choice, dispatch.Choices[dispatch.PlaceOf[choice]]);
                },
                iter: 300);
    }

    [Theory]
    [InlineData("by-gate")]
    [InlineData("least-loaded-by-gate")]
    public void TheLargestGatesGoToTheBestPrecision(string split) => Cases.Sample(
        c =>
        {
            var dispatch = Sorted(c, split);
            for (var a = 0; a < c.Slots.Length; a++)
                for (var b = 0; b < c.Slots.Length; b++)
                    if (c.Slots[a].Expert == c.Slots[b].Expert && c.Slots[a].Precision < c.Slots[b].Precision)
                        foreach (var better in RunOf(dispatch, a))
                            foreach (var worse in RunOf(dispatch, b))
                                Assert.True((c.Gates[better], -better).CompareTo((c.Gates[worse], -worse)) > 0, "a tie goes to the earlier choice");
        },
        iter: 500);

    [Fact]
    public void WithoutGatesTokensKeepTheirOrder() => Cases.Sample(
        c =>
        {
            var dispatch = Sorted(c, "even");
            for (var s = 0; s < c.Slots.Length; s++)
                Assert.Equal(RunOf(dispatch, s).Order(), RunOf(dispatch, s));
        },
        iter: 200);

    [Fact]
    public void RemaindersTakeTurnsOverBatchesUntilReset()
    {
        var dispatch = new TokenDispatch(new SlotTable([new(0, Precision.Int8, 0), new(0, Precision.Int8, 1)], 1), 1);
        var split = SplitPolicies.Create("even");
        Assert.Equal([1, 0], One());
        Assert.Equal([0, 1], One());
        Assert.Equal([1, 0], One());
        dispatch.Reset();
        Assert.Equal([1, 0], One());

        int[] One()
        {
            dispatch.Sort([0], [1f], 1, split);
            return dispatch.SlotLoads.ToArray();
        }
    }

    private static TokenDispatch Sorted((Slot[] Slots, int[] Ids, float[] Gates) c, string split)
    {
        var dispatch = new TokenDispatch(new SlotTable(c.Slots, Experts), TopK);
        dispatch.Sort(c.Ids, c.Gates, c.Ids.Length / TopK, SplitPolicies.Create(split));
        return dispatch;
    }

    private static int[] RunOf(TokenDispatch dispatch, int slot) => dispatch.Choices.Slice(dispatch.Start(slot), dispatch.SlotLoads[slot]).ToArray();
}
