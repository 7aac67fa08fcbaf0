using System.IO.Compression;
using System.Text;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>Reads recorded expert loads of every engine; the format is told by the content, not by the name.</summary>
public static class LoadsImport
{
    /// <summary>
    /// Reads a file or folder: CSV, JSON with <c>logical_count</c>, .npy, .npz, SGLang .pt dumps, a TensorRT-LLM statistics folder (or its
    /// <c>meta_info.json</c>), vLLM load records, per-token expert ids, llama.cpp importance matrices in GGUF, or <c>loads.json</c>.
    /// </summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="options">What the file does not say itself.</param>
    /// <returns>One trace; <c>loads.json</c> may hold several.</returns>
    /// <exception cref="InvalidInputException">It cannot be read: names the file and the row and column, JSON path, or byte and
    /// opcode.</exception>
    public static IReadOnlyList<ImportedLoads> Read(string path, ImportOptions? options = null)
    {
        options ??= new ImportOptions();
        Check(options);
        if (Directory.Exists(path))
            return [TensorRtLlmLoads.Read(path, options)];
        if (Path.GetFileName(path) == "meta_info.json")
            return [TensorRtLlmLoads.Read(Path.GetDirectoryName(Path.GetFullPath(path))!, options)];
        return Read(InputBytes.Read(path), path, options);
    }

    /// <summary>Reads the bytes of a file.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">What messages call it; its name also tells ids per token from counts.</param>
    /// <param name="options">What the file does not say itself.</param>
    /// <exception cref="InvalidInputException">They cannot be read.</exception>
    public static IReadOnlyList<ImportedLoads> Read(byte[] bytes, string name, ImportOptions options)
    {
        try
        {
            return FromBytes(bytes, name, options);
        }
        catch (OverflowException e)
        {
            throw new InvalidInputException(name, "sizes whose product leaves 64 bits", "sizes inside the file", e);
        }
    }

    private static IReadOnlyList<ImportedLoads> FromBytes(byte[] bytes, string name, ImportOptions options)
    {
        if (bytes.AsSpan().StartsWith(NpyFile.Magic))
            return [FromArray(NpyFile.Read(bytes, name), new LoadRows(name, bytes.Length), options)];
        if (bytes.AsSpan().StartsWith("PK"u8))
            return [FromZip(bytes, name, options)];
        if (bytes.AsSpan().StartsWith("GGUF"u8))
            return [ImatrixLoads.Read(bytes, name, options)];
        if (bytes is [0x80, _, ..])
            throw new InvalidInputException($"{name}: byte 0", "a bare pickle", "a zip as torch.save writes since PyTorch 1.6");
        return FromText(bytes, name, options);
    }

    private static IReadOnlyList<ImportedLoads> FromText(byte[] bytes, string name, ImportOptions options)
    {
        var text = Text(bytes, name);
        if (text.AsSpan().TrimStart() is not ['{' or '[', ..])
            return [CsvLoads.Read(text, name, options)];
        if (VllmLoadWindows.Recognizes(text))
            return [VllmLoadWindows.Read(text, name, options)];
        var root = JsonInput.Parse(bytes, name);
        if (root.Element.ValueKind != System.Text.Json.JsonValueKind.Object || !root.Element.TryGetProperty("format", out _))
            return [JsonLoads.Read(root, bytes.Length, options)];
        var recorded = LoadsFile.Read(new MemoryStream(bytes), name);
        return [.. recorded.Traces.Select(trace => new ImportedLoads(trace, recorded.Model.MoeLayers))];
    }

    private static ImportedLoads FromArray(NumericArray array, LoadRows rows, ImportOptions options)
    {
        var content = options.Content != ArrayContent.Auto ? options.Content : ContentOf(Path.GetFileName(rows.File));
        if (content != ArrayContent.Counts)
            return TokenTraces.Read(array, content == ArrayContent.TokenLayerIds, rows, options);
        array.AddWindows(rows, "array");
        return rows.Finish(options);
    }

    private static ImportedLoads FromZip(byte[] bytes, string name, ImportOptions options)
    {
        var zip = ZipContent.Open(bytes, name);
        if (zip.Entries.FirstOrDefault(entry => entry.FullName == "data.pkl"
            || entry.FullName.EndsWith("/data.pkl", StringComparison.Ordinal)) is { } pickle)
        {
            using var archive = new TorchArchive(zip, pickle, name, bytes.Length);
            return SglangDump.Read(archive, name, options);
        }
        using (zip)
        {
            ZipArchiveEntry[] arrays = [.. zip.Entries.Where(entry => entry.FullName.EndsWith(".npy", StringComparison.Ordinal))];
            if (arrays.Length == 0)
                throw new InvalidInputException(name, "a zip without data.pkl or .npy", "a PyTorch file or an .npz");
            var rows = new LoadRows(name, bytes.Length);
            if (arrays.Length == 1)
                return FromArray(NpyFile.Read(ZipContent.Read(arrays[0], name), $"{name}: {arrays[0].FullName}"), rows, options);
            foreach (var entry in arrays)
                NpyFile.Read(ZipContent.Read(entry, name), $"{name}: {entry.FullName}").AddWindows(rows, entry.FullName);
            return rows.Finish(options);
        }
    }

    private static ArrayContent ContentOf(string name) =>
        name.Contains("topk", StringComparison.OrdinalIgnoreCase) ? ArrayContent.LayerTokenIds :
        name.Contains("routed_experts", StringComparison.OrdinalIgnoreCase) ? ArrayContent.TokenLayerIds : ArrayContent.Counts;

    private static string Text(byte[] bytes, string name)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidInputException($"{name}: byte {e.Index}", "bytes that are no text in UTF-8",
                "CSV, JSON, .npy, .npz, a PyTorch file, GGUF or a TensorRT-LLM statistics folder", e);
        }
    }

    private static void Check(ImportOptions options)
    {
        if (options.DenseLayers is < 0 or > Plans.PlanLimits.MaxLayer)
            throw new InvalidInputException("dense layers", $"{options.DenseLayers}", $"0 to {Plans.PlanLimits.MaxLayer}");
        if (options.Experts is < 1 or > Plans.PlanLimits.MaxExperts)
            throw new InvalidInputException("experts", $"{options.Experts}", $"1 to {Plans.PlanLimits.MaxExperts}");
    }
}
