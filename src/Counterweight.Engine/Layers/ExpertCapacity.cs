namespace Counterweight.Engine.Layers;

/// <summary>
/// Expert capacity (Fedus et al. 2022, "Switch Transformers", section 2.2): of the tokens of a text that chose an expert, the first so many go to it; the others are
/// dropped and go to none.
/// </summary>
/// <param name="capacity">Tokens of a text that an expert takes.</param>
/// <param name="experts">Logical experts.</param>
/// <param name="history">The layer's place among those that keep a history, where texts come in several passes; null where they come whole.</param>
internal sealed class ExpertCapacity(int capacity, int experts, int? history)
{
    private const float Dropped = -1;

    private readonly int[] _taken = new int[experts];

    /// <summary>Turns the choices that find their expert full into their complement, ids [rows].</summary>
    public void Apply(ForwardPass pass, Span<int> ids)
    {
        for (var s = 0; s < pass.Batch.Sequences; s++)
        {
            var (cache, first, rows) = pass.Batch[s];
            Count(cache, pass.CapacityByPass);
            for (var r = 0; r < rows; r++)
            {
                ref var id = ref ids[first + r];
                var fits = _taken[id]++ < capacity;
                if (history is { } place)
                    cache.History(place, cache.Length + r)[0] = fits ? id : Dropped;
                id = fits ? id : ~id;
            }
        }
    }

    /// <summary>What earlier passes of the text took.</summary>
    private void Count(KvSequence cache, bool byPass)
    {
        Array.Clear(_taken);
        for (var position = 0; history is { } place && !byPass && position < cache.Length; position++)
            if (cache.History(place, position)[0] is >= 0 and var expert)
                _taken[(int)expert]++;
    }
}
