namespace Counterweight.Engine.Tokenization.Files;

/// <summary>How much longer replacements may make a text, one after another: a file of a few can ask for any length.</summary>
internal sealed class TextGrowth
{
    private const double Maximum = 64;

    private double _factor = 1;

    /// <summary>Adds a replacement that stands at <paramref name="cursor"/>, by its lengths.</summary>
    public void Add(JsonCursor cursor, int replaced, int replacement)
    {
        _factor *= Math.Max(1, (double)replacement / replaced);
        if (_factor > Maximum)
            throw cursor.Error($"replacements that make a text {_factor:g3} times as long", $"at most {Maximum} times");
    }
}
