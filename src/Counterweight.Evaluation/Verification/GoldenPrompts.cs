using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;

namespace Counterweight.Evaluation.Verification;

/// <summary>The token ids of a reference file.</summary>
internal sealed class GoldenPrompts(SafetensorsFile golden, int vocabulary)
{
    /// <summary>The sequences of a tensor [sequences, tokens].</summary>
    public int[][] Rows(string name)
    {
        var ids = golden.Get(name);
        if (ids.Shape.Length != 2 || ids.ElementCount == 0)
            throw new InvalidInputException($"{golden.Path}: {name}", $"{ids.Shape.Length} dimensions, {ids.ElementCount} ids", "ids [sequences, tokens]");
        return [.. ids.ToInt64().Select(id => Token(name, id)).Chunk((int)ids.Shape[1])];
    }

    /// <summary>Which tokens are no padding, [sequences · tokens]; all of them where there is no mask.</summary>
    public bool[] Mask(string name, int[][] rows) => golden.TryGet(name, out _)
        ? [.. golden.Get(name, rows.Length, rows[0].Length).ToInt64().Select(kept => kept != 0)]
        : [.. Enumerable.Repeat(true, rows.Length * rows[0].Length)];

    /// <summary>The sequences without their padding.</summary>
    public static int[][] WithoutPadding(int[][] rows, bool[] mask) =>
        [.. rows.Select((row, r) => row.Where((_, i) => mask[r * row.Length + i]).ToArray())];

    private int Token(string name, long id) => id >= 0 && id < vocabulary
        ? (int)id
        : throw new InvalidInputException($"{golden.Path}: {name}", $"token id {id}", $"0 to {vocabulary - 1}");
}
