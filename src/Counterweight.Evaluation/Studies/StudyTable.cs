using System.Globalization;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Evaluation.Studies;

/// <summary>Figures of a study: one row a case. The same table is written as CSV, as JSON and into the report.</summary>
/// <param name="name">File name without ending and JSON key, in kebab case.</param>
/// <param name="title">Heading.</param>
/// <param name="description">What a row is, units of the columns.</param>
/// <param name="columns">Names of the columns, in camel case as in JSON.</param>
public sealed class StudyTable(string name, string title, string description, params string[] columns)
{
    private readonly List<object?[]> _rows = [];

    /// <summary>File name without ending and JSON key.</summary>
    public string Name => name;

    /// <summary>Heading.</summary>
    public string Title => title;

    /// <summary>What a row is, units of the columns.</summary>
    public string Description => description;

    /// <summary>Names of the columns.</summary>
    public IReadOnlyList<string> Columns => columns;

    /// <summary>The rows; cells are strings, numbers, truth values, or null for what was not measured.</summary>
    public IReadOnlyList<IReadOnlyList<object?>> Rows => _rows;

    /// <summary>Adds a row with a cell for each column.</summary>
    /// <exception cref="ArgumentException">A cell is missing or of another kind.</exception>
    public void Add(params object?[] cells)
    {
        if (cells.Length != columns.Length)
            throw new ArgumentException($"{cells.Length} cells for {columns.Length} columns of {name}", nameof(cells));
        if (cells.FirstOrDefault(cell => cell is not (null or string or int or long or double or bool)) is { } odd)
            throw new ArgumentException($"{name} cannot hold a {odd.GetType().Name}", nameof(cells));
        _rows.Add(cells);
    }

    /// <summary>A cell as people read it.</summary>
    internal static string Print(object? cell) => cell switch
    {
        null => "",
        double value => FigureText.Measure(value),
        bool value => value ? "yes" : "no",
        _ => Exact(cell),
    };

    /// <summary>A cell as programs read it: shortest digits that give the same number again.</summary>
    internal static string Exact(object? cell) => cell switch
    {
        null => "",
        bool value => value ? "true" : "false",
        _ => Convert.ToString(cell, CultureInfo.InvariantCulture)!,
    };
}
