namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>What a name, key or attribute that isn't there gives: empty as text, false as a condition, and an error in most other uses.</summary>
internal sealed record Undefined(string Missing)
{
    /// <summary>The complaint that it was used as if it were there.</summary>
    public TemplateFault Fault() => new($"{Missing}, which isn't there", "a value");
}
