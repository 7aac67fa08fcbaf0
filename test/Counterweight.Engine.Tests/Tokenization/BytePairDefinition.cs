namespace Counterweight.Tests.Tokenization;

/// <summary>Byte-pair encoding as it is defined: join the pair of lowest rank, the leftmost of equals, until none is left.</summary>
internal static class BytePairDefinition
{
    public static List<string> Merge(IEnumerable<string> symbols, IReadOnlyDictionary<(string, string), int> ranks)
    {
        List<string> merged = [.. symbols];
        while (true)
        {
            var (rank, index) = Enumerable.Range(0, Math.Max(merged.Count - 1, 0))
                .Select(i => (ranks.GetValueOrDefault((merged[i], merged[i + 1]), int.MaxValue), i)).DefaultIfEmpty((int.MaxValue, -1)).Min();
            if (rank == int.MaxValue)
                return merged;
            merged[index] += merged[index + 1];
            merged.RemoveAt(index + 1);
        }
    }
}
