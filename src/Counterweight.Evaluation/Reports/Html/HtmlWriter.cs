using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;

namespace Counterweight.Evaluation.Reports.Html;

/// <summary>
/// Writes markup from interpolated strings: the literal parts are markup, every hole is text and escaped, so no name that comes
/// from outside can become markup.
/// </summary>
internal sealed class HtmlWriter(TextWriter output)
{
    [SuppressMessage("Performance", "CA1822", Justification = "the handler has written to this instance already")]
    public void Write([InterpolatedStringHandlerArgument("")] ref MarkupHandler markup) => _ = markup;

    /// <summary>Copies a style sheet or script that ships with the program.</summary>
    public void WriteAsset(string name) => output.Write(Asset(name));

    /// <summary>Copies the colours and what pictures need, and then the style sheets of a page.</summary>
    public void WriteStyles(params ReadOnlySpan<string> pages)
    {
        WriteAsset("palette.css");
        WriteAsset("chart.css");
        foreach (var page in pages)
            WriteAsset(page);
    }

    /// <summary>Copies markup that an earlier run wrote.</summary>
    public void WriteFile(string file) => output.Write(File.ReadAllText(file));

    /// <summary>A style sheet or script that ships with the program.</summary>
    public static string Asset(string name)
    {
        using var stream = typeof(HtmlWriter).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"resource {name} is missing");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private void WriteText(string? text) =>
        output.Write(WebUtility.HtmlEncode(string.Concat((text ?? "").Select(c => IsXml(c) ? c : '\uFFFD'))));

    /// <summary>XML knows no control characters, not even escaped ones.</summary>
    private static bool IsXml(char c) => c is '\n' or '\t' || !(char.IsControl(c) || c is '\uFFFE' or '\uFFFF');

    /// <summary>Takes an interpolated string apart.</summary>
    [InterpolatedStringHandler]
    internal readonly ref struct MarkupHandler
    {
        private readonly HtmlWriter _writer;

        public MarkupHandler(int literalLength, int formattedCount, HtmlWriter writer)
        {
            (_, _) = (literalLength, formattedCount);
            _writer = writer;
        }

        public void AppendLiteral(string markup) => _writer.Output.Write(markup);

        public void AppendFormatted(string? text) => _writer.WriteText(text);

        public void AppendFormatted(long number) => _writer.Output.Write(number.ToString(CultureInfo.InvariantCulture));

        /// <summary>A coordinate: two decimals are more than a screen shows.</summary>
        public void AppendFormatted(double coordinate) => _writer.Output.Write(coordinate.ToString("0.##", CultureInfo.InvariantCulture));
    }

    private TextWriter Output => output;
}
