using Counterweight.Engine.Chat.Templates.Expressions;

namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>The tests behind <c>is</c>, by name.</summary>
internal static class Tests
{
    private static readonly Dictionary<string, Func<object?, Arguments, bool>> All = new(StringComparer.Ordinal)
    {
        ["boolean"] = (value, _) => value is bool,
        ["callable"] = (value, _) => value is TemplateFunction,
        ["defined"] = (value, _) => value is not Undefined,
        ["divisibleby"] = (value, a) => Truth.AreEqual(Numbers.Apply("%", value, a.Require(0, "num")), 0L),
        ["even"] = (value, _) => Numbers.ToInteger(value) % 2 == 0,
        ["false"] = (value, _) => value is false,
        ["filter"] = (value, _) => value is string name && Filters.Find(name) is not null,
        ["float"] = (value, _) => value is double,
        ["integer"] = (value, _) => value is long,
        ["iterable"] = (value, _) => value is string or TemplateList or TemplateMap or Undefined,
        ["lower"] = (value, a) => TemplateText.Of(value, a.Work) is var text && text.Any(char.IsLower) && !text.Any(char.IsUpper),
        ["mapping"] = (value, _) => value is TemplateMap,
        ["none"] = (value, _) => value is null,
        ["number"] = (value, _) => Numbers.Is(value),
        ["odd"] = (value, _) => Numbers.ToInteger(value) % 2 != 0,
        ["sameas"] = (value, a) => IsSame(value, a.Require(0, "other")),
        ["sequence"] = (value, _) => value is string or TemplateList or TemplateMap or Undefined,
        ["string"] = (value, _) => value is string,
        ["test"] = (value, _) => value is string name && Find(name) is not null,
        ["true"] = (value, _) => value is true,
        ["undefined"] = (value, _) => value is Undefined,
        ["upper"] = (value, a) => TemplateText.Of(value, a.Work) is var text && text.Any(char.IsUpper) && !text.Any(char.IsLower),
    };

    private static readonly Dictionary<string, string> Comparisons = new(StringComparer.Ordinal)
    {
        ["eq"] = "==",
        ["equalto"] = "==",
        ["=="] = "==",
        ["ne"] = "!=",
        ["!="] = "!=",
        ["lt"] = "<",
        ["lessthan"] = "<",
        ["<"] = "<",
        ["le"] = "<=",
        ["<="] = "<=",
        ["gt"] = ">",
        ["greaterthan"] = ">",
        [">"] = ">",
        ["ge"] = ">=",
        [">="] = ">=",
        ["in"] = "in",
    };

    /// <summary>The test of that name, or null.</summary>
    public static Func<object?, Arguments, bool>? Find(string name) =>
        All.TryGetValue(name, out var test) ? test :
        Comparisons.TryGetValue(name, out var op) ? (value, a) => Comparison.Holds(op, value, a.Require(0, "other"), a.Work) : null;

    private static bool IsSame(object? value, object? other) => value switch
    {
        null => other is null,
        bool or long or double or string => value.Equals(other),
        _ => ReferenceEquals(value, other),
    };
}
