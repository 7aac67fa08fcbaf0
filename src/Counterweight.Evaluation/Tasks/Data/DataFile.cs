using Counterweight.Engine.Tokenization;

namespace Counterweight.Evaluation.Tasks.Data;

/// <summary>Reads text files of evaluation data line by line.</summary>
internal static class DataFile
{
    /// <summary>The lines that are not blank, with their numbers from 1.</summary>
    public static IEnumerable<(int Number, string Text)> Lines(string path)
    {
        using var reader = new StringReader(Utf8File.ReadText(path));
        var number = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
                yield return (number, line);
        }
    }
}
