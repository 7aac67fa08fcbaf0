using System.Text;
using Counterweight.Balancing;

namespace Counterweight.Engine.Tokenization;

/// <summary>Reads text files that must be UTF-8.</summary>
public static class Utf8File
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The whole text, line ends as they are.</summary>
    public static string ReadText(string path)
    {
        var bytes = ReadBytes(path);
        var start = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        try
        {
            return Strict.GetString(bytes.AsSpan(start));
        }
        catch (DecoderFallbackException bad)
        {
            throw new InvalidInputException($"{path}: byte {start + bad.Index}", "bytes that are not UTF-8", "UTF-8 text", bad);
        }
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InvalidInputException(path, "no file", "a file of evaluation data", missing);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(path, unreadable.Message, "a readable file", unreadable);
        }
    }
}
