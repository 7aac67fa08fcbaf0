namespace Counterweight.Engine.Layers;

/// <summary>The k largest of a few values.</summary>
public static class TopK
{
    /// <summary>Writes the indices and values of the ids.Length largest, descending; equal values go to the lower index.</summary>
    public static void Select(ReadOnlySpan<float> values, Span<int> ids, Span<float> largest)
    {
        var found = 0;
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i];
            if (found == ids.Length && !(value > largest[^1]))
                continue;
            var place = found < ids.Length ? found++ : found - 1;
            for (; place > 0 && value > largest[place - 1]; place--)
                (ids[place], largest[place]) = (ids[place - 1], largest[place - 1]);
            (ids[place], largest[place]) = (i, value);
        }
    }
}
