namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>
/// How much there is to a value when everything inside it is gone through. Lists share their items, so a few short steps make values that
/// are small in memory and endless as text.
/// </summary>
internal static class Weights
{
    public static long Of(object? value) => value switch
    {
        string text => text.Length + 1L,
        TemplateList list => list.Weight,
        TemplateMap map => map.Weight,
        _ => 1,
    };

    public static long Sum(long left, long right) => left > long.MaxValue / 4 - right ? long.MaxValue / 4 : left + right;
}
