namespace Counterweight.Balancing.Loads.Import;

/// <summary>Turns the expert ids of each token into load windows of any number of tokens.</summary>
internal static class TokenTraces
{
    private const int MaxExpertId = 65535;

    public static ImportedLoads Read(NumericArray ids, bool tokensFirst, LoadRows rows, ImportOptions options)
    {
        if (ids.Shape.Length != 3 || !ids.IsInteger)
            throw new InvalidInputException(rows.File, $"{(ids.IsInteger ? "integers" : "fractions")} of shape {ids.ShapeText}",
                tokensFirst ? "expert ids [tokens][layers][k]" : "expert ids [layers][tokens][k]");
        var (tokens, layers) = tokensFirst ? (ids.Shape[0], ids.Shape[1]) : (ids.Shape[1], ids.Shape[0]);
        var experts = options.Experts ?? (int)Math.Min(ids.Values.Max() + 1, MaxExpertId + 1);
        var perWindow = options.TokensPerWindow ?? tokens;
        if (perWindow < 1)
            throw new InvalidInputException("tokens per window", $"{perWindow}", "at least 1");
        // The number of windows is the user's choice, the number of experts the file's.
        rows.Reserve((long)layers * experts, $"{layers} layers of {experts} experts", "array");
        for (var first = 0; first < tokens; first += perWindow)
        {
            var window = Enumerable.Range(0, layers).Select(_ => new double[experts]).ToArray();
            for (var t = first; t < Math.Min(tokens, first + perWindow); t++)
                for (var l = 0; l < layers; l++)
                    Count(ids, tokensFirst ? t : l, tokensFirst ? l : t, window[l], rows.File);
            rows.Add(window, $"tokens {first} …");
        }
        return rows.Finish(options);
    }

    private static void Count(NumericArray ids, int i, int j, double[] counts, string file)
    {
        var k = ids.Shape[2];
        for (var n = 0; n < k; n++)
        {
            var id = ids.Values[((long)i * ids.Shape[1] + j) * k + n];
            if (!(id >= 0 && id < counts.Length))
                throw new InvalidInputException($"{file}: [{i}, {j}, {n}]", $"expert {id}", $"0 to {counts.Length - 1}");
            counts[(int)id]++;
        }
    }
}
