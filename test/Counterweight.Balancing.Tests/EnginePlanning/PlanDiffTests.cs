using Counterweight.Balancing.EnginePlanning;
using CsCheck;

namespace Counterweight.Balancing.Tests.EnginePlanning;

public sealed class PlanDiffTests
{
    private const int Experts = 6, Devices = 4;

    private static readonly Gen<int[]> Slots =
        from extra in Gen.Int[0, Experts - 1].Array[2]
        from order in Gen.Shuffle(new[] { 0, 1, 2, 3, 4, 5, 6, 7 })
        select order.Select(i => i < Experts ? i : extra[i - Experts]).ToArray();

    [Fact]
    public void Moves_lead_from_one_plan_to_the_other_and_every_expert_always_has_a_copy() =>
        Gen.Select(Slots, Slots).Sample((before, after) =>
        {
            var diff = Diff(before, after);
            var now = (int[])before.Clone();
            var buffered = diff.Moves.Where(move => move.ThroughBuffer).Select(move => move.Expert).ToHashSet();
            foreach (var move in diff.Moves)
            {
                Assert.Equal(move.Expert, (move.ThroughBuffer ? before : now)[move.FromSlot]);
                Assert.Equal(move.FromSlot / 2 == move.Slot / 2 ? LinkClass.SameDevice
                    : move.FromSlot / 4 == move.Slot / 4 ? LinkClass.SameNode : LinkClass.OtherNode, move.Link);
                now[move.Slot] = move.Expert;
                Assert.All(Enumerable.Range(0, Experts), expert => Assert.True(now.Contains(expert) || buffered.Contains(expert)));
            }
            Assert.Equal(after, now);
            Assert.Equal(before.Zip(after).Count(pair => pair.First != pair.Second), diff.Moves.Count);
            Assert.Equal(diff.Moves.Count, diff.MovesByLink.Sum());
        }, iter: 2000);

    [Fact]
    public void A_redundant_copy_makes_room_so_that_nothing_is_buffered()
    {
        // 0 and 1 change places; slot 6 holds a second 0.
        var diff = Diff([0, 1, 2, 3, 4, 5, 0, 2], [1, 0, 2, 3, 4, 5, 0, 2]);
        Assert.Equal([new ExpertMove(3, 0, 1, 1, LinkClass.SameDevice, false), new ExpertMove(3, 1, 0, 6, LinkClass.OtherNode, false)],
            diff.Moves);
        Assert.Equal([3], diff.LayersTouched);
        Assert.Equal([10L, 0, 10], diff.BytesByLink(10));
    }

    [Fact]
    public void Equal_plans_have_no_moves_and_wider_plans_only_fill_new_slots()
    {
        Assert.Empty(Diff([0, 1, 2, 3, 4, 5, 0, 1], [0, 1, 2, 3, 4, 5, 0, 1]).Moves);
        var narrow = new EnginePlan(2, 2, [0], [[0, 1]]);
        var wide = new EnginePlan(2, 2, [0], [[0, 1, 1, 0]]);
        Assert.Equal([(1, 1), (3, 0)], PlanDiff.Between(narrow, wide, new ClusterTopology(2, 2)).Moves.Select(move =>
            (move.Slot, move.Expert)));
    }

    private static PlanDiff Diff(int[] before, int[] after) => PlanDiff.Between(
        new EnginePlan(Experts, Devices, [3], [before]), new EnginePlan(Experts, Devices, [3], [after]), new ClusterTopology(Devices, 2));
}
