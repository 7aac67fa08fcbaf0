using System.IO.Compression;
using System.Text;
using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Formats;

/// <summary>
/// KTransformers takes no placement but the load counts that it places by: a PyTorch file with <c>logical_count</c> of 64-bit integers,
/// [1][all layers][experts], dense layers empty. <see cref="Loads.Import.LoadsImport"/> reads it back.
/// </summary>
public static class KTransformersCounts
{
    /// <summary>Writes the counts.</summary>
    /// <param name="loads">Tokens of each expert, MoE layers only.</param>
    /// <param name="moeLayers">Layer number of each row.</param>
    /// <param name="hiddenLayers">All layers of the model, dense ones counted.</param>
    /// <param name="stream">A writable stream.</param>
    /// <exception cref="InvalidInputException">A layer number is beyond the model's layers.</exception>
    public static void Write(ExpertLoads loads, IReadOnlyList<int> moeLayers, int hiddenLayers, Stream stream)
    {
        if (moeLayers.Count != loads.Layers || moeLayers[^1] >= hiddenLayers)
            throw new InvalidInputException("layers", $"{moeLayers.Count} layers up to {moeLayers[^1]}",
                $"{loads.Layers} below {hiddenLayers}");
        var counts = new byte[8L * hiddenLayers * loads.Experts];
        for (var l = 0; l < loads.Layers; l++)
            for (var e = 0; e < loads.Experts; e++)
                BitConverter.TryWriteBytes(counts.AsSpan(8 * (moeLayers[l] * loads.Experts + e)), loads[l][e]);
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        Add(zip, "counts/data.pkl", Pickle(hiddenLayers, loads.Experts));
        Add(zip, "counts/byteorder", "little"u8);
        Add(zip, "counts/data/0", counts);
        Add(zip, "counts/version", "3\n"u8);
    }

    // PyTorch maps entries into memory, so they are stored as they are.
    private static void Add(ZipArchive zip, string name, ReadOnlySpan<byte> content)
    {
        using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
        entry.Write(content);
    }

    // {"logical_count": _rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict())} in protocol 2.
    private static byte[] Pickle(int layers, int experts)
    {
        var pickle = new List<byte>([0x80, 2, .. "}("u8]);
        AddText(pickle, "logical_count");
        pickle.AddRange("ctorch._utils\n_rebuild_tensor_v2\n(("u8);
        AddText(pickle, "storage");
        pickle.AddRange("ctorch\nLongStorage\n"u8);
        AddText(pickle, "0");
        AddText(pickle, "cpu");
        AddNumber(pickle, layers * experts);
        pickle.AddRange("tQ"u8);
        AddNumber(pickle, 0);
        foreach (var numbers in (int[][])[[1, layers, experts], [layers * experts, experts, 1]])
        {
            foreach (var number in numbers)
                AddNumber(pickle, number);
            pickle.Add(0x87);
        }
        pickle.AddRange([0x89, .. "ccollections\nOrderedDict\n)RtRu."u8]);
        return [.. pickle];
    }

    private static void AddText(List<byte> pickle, string text) =>
        pickle.AddRange([(byte)'X', .. BitConverter.GetBytes(text.Length), .. Encoding.ASCII.GetBytes(text)]);

    private static void AddNumber(List<byte> pickle, int number) => pickle.AddRange([(byte)'J', .. BitConverter.GetBytes(number)]);
}
