using Counterweight.Balancing;

namespace Counterweight.Engine.Tokenization;

/// <summary>The documents of plain text files.</summary>
public static class TextDocuments
{
    /// <summary>The line that separates documents.</summary>
    public const string Separator = "<|endoftext|>";

    /// <summary>
    /// The documents of a UTF-8 text file, which lines <c>&lt;|endoftext|&gt;</c> separate; the line end before such a line and at the end
    /// of the file belongs to no document. Documents of white space alone are left out.
    /// </summary>
    /// <exception cref="InvalidInputException">The file is missing, not UTF-8 or without text.</exception>
    public static IReadOnlyList<string> Read(string path)
    {
        var documents = new List<string>();
        var lines = new List<string>();
        foreach (var line in Utf8File.ReadText(path).Split('\n'))
        {
            if (line.TrimEnd('\r') == Separator)
                Finish(documents, lines);
            else
                lines.Add(line);
        }
        if (lines.Count > 0 && lines[^1].Length == 0)
            lines.RemoveAt(lines.Count - 1);
        Finish(documents, lines);
        return documents.Count > 0
            ? documents
            : throw new InvalidInputException(path, "no text", $"text, documents separated by lines {Separator}");
    }

    private static void Finish(List<string> documents, List<string> lines)
    {
        if (!lines.TrueForAll(string.IsNullOrWhiteSpace))
            documents.Add(string.Join('\n', lines));
        lines.Clear();
    }
}
