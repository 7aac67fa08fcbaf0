using System.Runtime.CompilerServices;

namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Truth, equality and order of values, as in Python.</summary>
internal static class Truth
{
    public static bool Of(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        TemplateList list => list.Count > 0,
        TemplateMap map => map.Count > 0,
        _ => true,
    };

    public static bool AreEqual(object? left, object? right) => (left, right) switch
    {
        (null, null) or (Undefined, Undefined) => true,
        (string a, string b) => a == b,
        (TemplateList a, TemplateList b) => a.IsTuple == b.IsTuple && a.Count == b.Count && AllEqual(a, b),
        (TemplateMap a, TemplateMap b) => a.Count == b.Count && a.Entries.All(entry => b.TryGet(entry.Key, out var other) && AreEqual(entry.Value, other)),
        _ => Numbers.TryCompare(left, right, out var order) ? order == 0 : ReferenceEquals(left, right),
    };

    /// <summary>Below 0, 0 or above 0; what has no order in Python is refused.</summary>
    public static int Compare(object? left, object? right)
    {
        if (Numbers.TryCompare(left, right, out var order))
            return order;
        return (left, right) switch
        {
            (string a, string b) => CompareText(a, b),
            (TemplateList a, TemplateList b) when a.IsTuple == b.IsTuple => CompareItems(a, b),
            (Undefined undefined, _) => throw undefined.Fault(),
            (_, Undefined undefined) => throw undefined.Fault(),
            _ => throw new TemplateFault($"a comparison of {TemplateText.Kind(left)} with {TemplateText.Kind(right)}", "two numbers or two strings"),
        };
    }

    /// <summary>By code points, which UTF-16 units are not in the order of.</summary>
    private static int CompareText(string a, string b)
    {
        var i = a.AsSpan().CommonPrefixLength(b);
        if (i == a.Length || i == b.Length)
            return a.Length - b.Length;
        return char.IsSurrogate(a[i]) == char.IsSurrogate(b[i]) ? a[i] - b[i] : char.IsSurrogate(a[i]) ? 1 : -1;
    }

    private static bool AllEqual(TemplateList a, TemplateList b)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        for (var i = 0; i < a.Count; i++)
            if (!AreEqual(a.Items[i], b.Items[i]))
                return false;
        return true;
    }

    private static int CompareItems(TemplateList a, TemplateList b)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        for (var i = 0; i < Math.Min(a.Count, b.Count); i++)
            if (!AreEqual(a.Items[i], b.Items[i]))
                return Compare(a.Items[i], b.Items[i]);
        return a.Count - b.Count;
    }
}
