using System.Text;

namespace Counterweight.Engine.Checkpoints;

/// <summary>Parts of files as they appear in error messages.</summary>
internal static class InputText
{
    private const int MaxShown = 120;

    /// <summary>A name in quotes: cut where it is long, control characters escaped so that a file can't write to the terminal.</summary>
    public static string Quoted(string name)
    {
        var text = new StringBuilder("'");
        foreach (var c in name.AsSpan(0, Math.Min(name.Length, MaxShown)))
            if (char.IsControl(c))
                text.Append($"\\u{(int)c:x4}");
            else
                text.Append(c);
        return text.Append(name.Length > MaxShown ? "…'" : "'").ToString();
    }

    /// <summary>A shape as <c>[2, 3]</c>.</summary>
    public static string Shape<T>(ReadOnlySpan<T> shape) => $"[{string.Join(", ", shape.ToArray())}]";
}
