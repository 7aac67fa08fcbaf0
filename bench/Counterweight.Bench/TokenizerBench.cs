using System.Diagnostics;
using System.Globalization;
using System.Text;
using Counterweight.Engine.Tokenization;
using ZstdSharp;

namespace Counterweight.Bench;

/// <summary>Speed of tokenizers in MB of UTF-8 text for each second of processor time: of texts that a tokenizer has not seen before, and of the same texts again.</summary>
internal static class TokenizerBench
{
    private const int Runs = 5;

    /// <param name="folder">Every <c>tokenizer.json</c> below it, perhaps with <c>.zst</c>.</param>
    /// <param name="files">Texts.</param>
    public static void Run(string folder, string[] files)
    {
        string[] texts = [.. files.Select(File.ReadAllText)];
        var megabytes = texts.Sum(Encoding.UTF8.GetByteCount) / 1e6;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{texts.Length} texts, {megabytes:F2} MB"));
        Console.WriteLine("tokenizer                        load ms   MB/s new   MB/s again   slowest text (new)              MB/s decoding");
        foreach (var path in Directory.EnumerateFiles(folder, "tokenizer.json*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            Measure(Path.GetRelativePath(folder, Path.GetDirectoryName(path)!), Content(path), files, texts, megabytes);
    }

    private static void Measure(string name, byte[] json, string[] files, string[] texts, double megabytes)
    {
        foreach (var text in texts) // compiles the patterns' code
            Load(json).Encode(text);
        Tokenizer tokenizer = null!;
        var load = Seconds(() => tokenizer = Load(json));
        double[] first = [.. texts.Select(text => Seconds(() => tokenizer.Encode(text)))];
        var again = Enumerable.Range(0, Runs).Min(_ => texts.Sum(text => Seconds(() => tokenizer.Encode(text))));
        int[][] ids = [.. texts.Select(text => tokenizer.Encode(text))];
        var decode = Enumerable.Range(0, Runs).Min(_ => ids.Sum(of => Seconds(() => tokenizer.Decode(of))));
        var slowest = Enumerable.Range(0, texts.Length).MaxBy(i => first[i] / texts[i].Length);
        var slowestSpeed = Encoding.UTF8.GetByteCount(texts[slowest]) / 1e6 / first[slowest];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-30} {1e3 * load,9:F0} {megabytes / first.Sum(),10:F1} {megabytes / again,12:F1}   {$"{Path.GetFileName(files[slowest])} {slowestSpeed:F1}",-30} {megabytes / decode,14:F1}"));
    }

    private static Tokenizer Load(byte[] json)
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, json);
        try
        {
            return Tokenizer.Load(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static byte[] Content(string path)
    {
        using var file = File.OpenRead(path);
        using Stream stream = path.EndsWith(".zst", StringComparison.Ordinal) ? new DecompressionStream(file) : file;
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }

    /// <summary>Processor time, which other processes do not stretch.</summary>
    private static double Seconds(Action action)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        action();
        process.Refresh();
        return (process.TotalProcessorTime - before).TotalSeconds;
    }
}
