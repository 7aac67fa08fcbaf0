namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>A list or tuple; templates can't change it.</summary>
internal sealed record TemplateList(IReadOnlyList<object?> Items, bool IsTuple = false)
{
    public int Count => Items.Count;

    /// <summary>See <see cref="Weights"/>.</summary>
    public long Weight { get; } = Items.Aggregate(1L, (sum, item) => Weights.Sum(sum, Weights.Of(item)));
}
