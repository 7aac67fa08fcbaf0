using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Streaming;

namespace Counterweight.Balancing.Tests.Streaming;

public sealed class StreamPatternsTests
{
    private static readonly StreamShape Shape = new() { Segments = 6, Windows = 6, Units = 4 };

    // Kinds 0 and 1 are alike, kind 2 is another world.
    private static StreamPatterns Patterns() => new(["a", "b", "c"], [Units(0), Units(1), Units(7)], Shape);

    private static ExpertLoads[] Units(int hot) => [.. Enumerable.Range(0, 5).Select(_ =>
    {
        var loads = new ExpertLoads(1, 8);
        loads[0].Fill(hot < 2 ? 2 : 1);
        loads[0][hot] += 10;
        return loads;
    })];

    [Fact]
    public void Every_unit_of_a_kind_comes_in_turn_and_loads_are_the_sum_of_their_units()
    {
        foreach (var name in StreamPatterns.Names)
        {
            var (layout, stream) = (Patterns().Layout(name), Patterns().Build(name));
            Assert.Equal(6, layout.Count);
            foreach (var kind in layout.SelectMany(segment => segment.Windows).SelectMany(window => window).GroupBy(unit => unit.Kind))
                Assert.Equal(kind.Select((_, i) => i % 5), kind.Select(unit => unit.Index));
            Assert.All(stream.Segments.Zip(layout), pair => Assert.Equal(pair.Second.Windows.Select(window => window.Length * 4),
                pair.First.Windows.Select(_ => 16)));
        }
    }

    [Fact]
    public void Adversarial_segments_always_change_to_what_differs_most()
    {
        var kinds = Patterns().Layout("adversarial").Select(segment => segment.Name).ToArray();
        Assert.Equal("c", kinds[0]);
        Assert.All(kinds.Zip(kinds.Skip(1)), pair => Assert.NotEqual(pair.First, pair.Second));
        Assert.All(kinds.GroupBy(kind => kind), uses => Assert.Equal(2, uses.Count()));
    }

    [Fact]
    public void Mixtures_pass_gradually_from_one_kind_to_the_next()
    {
        var shares = Patterns().Layout("mixtures")[0].Windows.Select(window => window.Count(unit => unit.Kind == 1)).ToArray();
        Assert.Equal(shares.Order(), shares);
        Assert.Equal((1, 4), (shares[0], shares[^1]));
        Assert.True(shares.Distinct().Count() >= 4);
    }

    [Fact]
    public void Bursts_are_one_kind_alone_within_a_mixture_of_all() => Assert.All(Patterns().Layout("bursts"), segment =>
    {
        var alone = segment.Windows.Select(window => window.Select(unit => unit.Kind).Distinct().Count() == 1).ToArray();
        Assert.Equal(2, alone.Count(isAlone => isAlone));
        Assert.Equal(2, Array.LastIndexOf(alone, true) - Array.IndexOf(alone, true) + 1);
    });

    [Fact]
    public void Drawn_units_have_the_tokens_asked_for_and_the_shares_of_the_trace()
    {
        var trace = new LoadTrace("one", [Units(7)[0]]);
        var units = StreamTraffic.Units([trace], needed: 40, tokens: 500, topK: 2, seed: 3)[0];
        Assert.All(units, unit => Assert.Equal(1000, unit[0].ToArray().Sum()));
        var total = ExpertLoads.Sum(units);
        Assert.InRange((double)total[0][7] / total[0].ToArray().Sum(), 0.3, 0.5);
        Assert.All(units, unit => Assert.InRange(unit[0][7], 1, 500));
        Assert.Same(trace.Windows, StreamTraffic.Units([trace], needed: 1, tokens: 500, topK: 2, seed: 3)[0]);
    }

    [Fact]
    public void Wrong_shapes_are_refused_by_name()
    {
        Assert.Throws<InvalidInputException>(() => Patterns().Layout("quiet"));
        Assert.Throws<InvalidInputException>(() => new StreamPatterns(["a"], [Units(0)], Shape));
        Assert.Throws<InvalidInputException>(() => new StreamPatterns(["a", "b"], [Units(0), Units(1)], Shape with { Units = 0 }));
    }
}
