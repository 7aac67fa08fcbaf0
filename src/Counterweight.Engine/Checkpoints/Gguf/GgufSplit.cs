using System.Globalization;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>A model in one file, or in several called <c>NAME-00001-of-0000N.gguf</c> of which the first has the metadata.</summary>
internal static class GgufSplit
{
    private const string CountKey = "split.count";
    private const string TensorsKey = "split.tensors.count";
    private const int MaxFiles = 9999;

    /// <summary>Opens all files.</summary>
    /// <param name="path">The only file, or the first one.</param>
    /// <param name="opened">Receives the files as they are opened, for whoever must close them if anything throws.</param>
    /// <exception cref="InvalidInputException">It is another one, some are missing, or their tensors are not those that the first one promises.</exception>
    public static GgufTensors Open(string path, List<GgufFile> opened)
    {
        opened.Add(GgufFile.Open(path));
        var metadata = opened[0].Metadata;
        var count = metadata.Integer(CountKey, 1);
        if (count is < 1 or > MaxFiles)
            throw metadata.Refuse(CountKey, $"1 to {MaxFiles} files");
        if (metadata.Integer(GgufFile.SplitNumberKey, 0) != 0)
            throw metadata.Refuse(GgufFile.SplitNumberKey, "0: the first file of the model, which the others are found by");
        for (var number = 1; number < count; number++)
            opened.Add(OpenPart(path, number, (int)count));
        return new GgufTensors(opened, Collect(opened, metadata));
    }

    private static GgufFile OpenPart(string first, int number, int count)
    {
        var ending = Ending(0, count);
        if (!first.EndsWith(ending, StringComparison.Ordinal))
            throw new InvalidInputException(first, "the first of several files under another name", $"a name that ends with {ending}");
        var file = GgufFile.Open(first[..^ending.Length] + Ending(number, count));
        if (file.Metadata.Integer(GgufFile.SplitNumberKey, -1) == number && file.Metadata.Integer(CountKey, -1) == count)
            return file;
        var error = file.Metadata.Refuse(GgufFile.SplitNumberKey, $"{number} of {count}, as its name says");
        file.Dispose();
        throw error;
    }

    private static string Ending(int number, int count) => string.Create(CultureInfo.InvariantCulture, $"-{number + 1:D5}-of-{count:D5}.gguf");

    private static Dictionary<string, GgufTensor> Collect(List<GgufFile> files, GgufMetadata metadata)
    {
        var tensors = new Dictionary<string, GgufTensor>(StringComparer.Ordinal);
        foreach (var tensor in files.SelectMany(file => file.Tensors.Values))
            if (!tensors.TryAdd(tensor.Name, tensor))
                throw new InvalidInputException($"{tensor.File}, tensor {InputText.Quoted(tensor.Name)}", "a name that another file of the model has too", "every name once");
        return metadata.Integer(TensorsKey, tensors.Count) == tensors.Count
            ? tensors
            : throw metadata.Refuse(TensorsKey, $"{tensors.Count}, as many as the files have");
    }
}
