using Counterweight.Engine.Tokenization.Models;

namespace Counterweight.Tests.Tokenization;

public sealed class SymbolMergerTests
{
    /// <summary>The definition: join the pair of lowest rank, the leftmost of equals, until none is left.</summary>
    [Fact]
    public void Words_of_any_length_merge_as_the_definition_says()
    {
        const int Characters = 4, Merges = 60;
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var ranks = new Dictionary<(int, int), (int Rank, int Merged)>();
            var table = new MergeTable(Merges);
            for (var rank = 0; rank < Merges; rank++)
            {
                var (left, right, merged) = (random.Next(Characters + rank), random.Next(Characters + rank), Characters + rank);
                ranks[(left, right)] = (rank, merged);
                table.Add(("x", left), ("x", right), merged);
            }
            var merger = new SymbolMerger();
            foreach (var length in Enumerable.Range(0, SymbolMerger.FewSymbols + 10).Append(500))
            {
                int[] word = [.. Enumerable.Range(0, length).Select(_ => random.Next(Characters))];
                merger.Clear();
                Array.ForEach(word, merger.Append);
                merger.Merge(table);
                Assert.Equal(ByDefinition(word, ranks), merger.Symbols.ToArray());
            }
        }
    }

    private static List<int> ByDefinition(int[] word, Dictionary<(int, int), (int Rank, int Merged)> ranks)
    {
        List<int> symbols = [.. word];
        while (true)
        {
            var best = Enumerable.Range(0, Math.Max(symbols.Count - 1, 0))
                .Where(i => ranks.ContainsKey((symbols[i], symbols[i + 1])))
                .Select(i => (ranks[(symbols[i], symbols[i + 1])].Rank, Index: i)).DefaultIfEmpty((Rank: -1, Index: -1)).Min();
            if (best.Index < 0)
                return symbols;
            symbols[best.Index] = ranks[(symbols[best.Index], symbols[best.Index + 1])].Merged;
            symbols.RemoveAt(best.Index + 1);
        }
    }
}
