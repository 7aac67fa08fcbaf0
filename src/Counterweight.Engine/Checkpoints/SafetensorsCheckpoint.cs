using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints.Quantized;
using Counterweight.Engine.Tokenization;
using IOPath = System.IO.Path;

namespace Counterweight.Engine.Checkpoints;

/// <summary>
/// The weights of a model folder: <c>model.safetensors</c>, or the shards that <c>model.safetensors.index.json</c> lists.
/// </summary>
internal sealed class SafetensorsCheckpoint : Checkpoint
{
    private const int MaxIndexBytes = 100_000_000;

    private static readonly string[] SideFiles =
        [ConfigFileName, "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"];

    /// <summary>Files of other tokenizer libraries, for the message to those who have only one of these.</summary>
    private static readonly string[] OtherTokenizers = ["spiece.model", "tokenizer.model", "vocab.json", "vocab.txt", "tiktoken.model"];

    private readonly Dictionary<string, SafetensorsFile> _fileOfTensor;
    private readonly SafetensorsFile[] _files;
    private IStoredTensors? _stored;

    private SafetensorsCheckpoint(string folder, string listedIn, SafetensorsFile[] files, Dictionary<string, SafetensorsFile> fileOfTensor) : base(folder)
    {
        ListedIn = listedIn;
        _files = files;
        _fileOfTensor = fileOfTensor;
        TensorNames = [.. fileOfTensor.Keys.Order(StringComparer.Ordinal)];
    }

    /// <inheritdoc/>
    public override string ListedIn { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TensorNames { get; }

    /// <inheritdoc/>
    internal override IStoredTensors? Stored => _stored;

    /// <inheritdoc/>
    public override IReadOnlyList<SafetensorsFile> Files => _files;

    /// <summary>Opens all files of a model folder and checks their headers; of two layouts the single file wins. Whether weights are quantized says the config.</summary>
    /// <exception cref="InvalidInputException">
    /// The folder has no weights, a shard is missing or outside of the folder, a listed tensor isn't in its shard, a file is malformed, or weights are quantized in
    /// a way that is not known.
    /// </exception>
    public static SafetensorsCheckpoint OpenFolder(string folder)
    {
        var checkpoint = OpenFiles(folder);
        try
        {
            var config = IOPath.Combine(folder, ConfigFileName);
            if (File.Exists(config))
                checkpoint._stored = QuantizationConfig.Read(ConfigReader.Open(config), checkpoint);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    private static SafetensorsCheckpoint OpenFiles(string folder)
    {
        var single = IOPath.Combine(folder, SingleFileName);
        if (File.Exists(single))
        {
            var file = SafetensorsFile.Open(single);
            return new SafetensorsCheckpoint(folder, single, [file], file.TensorNames.ToDictionary(name => name, _ => file, StringComparer.Ordinal));
        }
        var index = IOPath.Combine(folder, IndexFileName);
        if (File.Exists(index))
            return OpenShards(folder, index);
        throw new InvalidInputException(folder, Directory.Exists(folder) ? "a folder without either" : "no such folder",
            $"a folder with {SingleFileName} or {IndexFileName}");
    }

    /// <inheritdoc/>
    public override bool TryGet(string name, out TensorView tensor)
    {
        tensor = default;
        return _fileOfTensor.TryGetValue(name, out var file) && file.TryGet(name, out tensor);
    }

    /// <inheritdoc/>
    internal override void ReleasePages()
    {
        foreach (var file in _files)
            file.ReleasePages();
    }

    /// <inheritdoc/>
    public override ConfigReader ReadConfig() => ConfigReader.Open(IOPath.Combine(Location, ConfigFileName));

    /// <inheritdoc/>
    public override Tokenizer LoadTokenizer()
    {
        var path = IOPath.Combine(Location, "tokenizer.json");
        return !File.Exists(path) && OtherTokenizers.FirstOrDefault(name => File.Exists(IOPath.Combine(Location, name))) is { } other
            ? throw new InvalidInputException(path, $"no such file, but {other}", "a tokenizer.json: transformers' save_pretrained writes it from that file")
            : Tokenizer.Load(path);
    }

    /// <inheritdoc/>
    public override string? SideFile(string name) => IOPath.Combine(Location, name);

    /// <inheritdoc/>
    internal override void WriteSideFiles(string folder)
    {
        foreach (var file in SideFiles)
            if (File.Exists(IOPath.Combine(Location, file)))
                File.Copy(IOPath.Combine(Location, file), IOPath.Combine(folder, file), overwrite: true);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            foreach (var file in _files)
                file.Dispose();
    }

    private static SafetensorsCheckpoint OpenShards(string folder, string index)
    {
        var shardOfTensor = ReadWeightMap(folder, index);
        var files = new SortedDictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        try
        {
            foreach (var shard in shardOfTensor.Values.Distinct(StringComparer.Ordinal))
                files.Add(shard, SafetensorsFile.Open(IOPath.Combine(folder, shard)));
            foreach (var (name, shard) in shardOfTensor)
                if (!files[shard].TryGet(name, out _))
                    throw new InvalidInputException(index, $"tensor {InputText.Quoted(name)} listed in {shard}, which doesn't hold it",
                        "every tensor in the shard that is listed for it");
            return new SafetensorsCheckpoint(folder, index, [.. files.Values],
                shardOfTensor.ToDictionary(entry => entry.Key, entry => files[entry.Value], StringComparer.Ordinal));
        }
        catch
        {
            foreach (var file in files.Values)
                file.Dispose();
            throw;
        }
    }

    private static Dictionary<string, string> ReadWeightMap(string folder, string index)
    {
        using var document = InputFile.ReadJsonObject(index, MaxIndexBytes, "an index of a sharded checkpoint");
        if (!document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            throw new InvalidInputException(index, "no object of that name", "object 'weight_map' from tensor names to files");
        var root = IOPath.GetFullPath(folder);
        var shards = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in map.EnumerateObject())
            shards.Add(entry.Name, CheckShard(index, root, entry));
        var missing = shards.Values.Distinct(StringComparer.Ordinal)
            .Where(shard => !File.Exists(IOPath.Combine(folder, shard)))
            .ToList();
        if (missing.Count > 0)
            throw new InvalidInputException(index,
                $"no file {missing[0]}" + (missing.Count > 1 ? $" and {missing.Count - 1} more missing" : ""),
                "every listed shard beside the index");
        return shards;
    }

    private static string CheckShard(string index, string root, JsonProperty entry)
    {
        var shard = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "";
        var prefix = IOPath.TrimEndingDirectorySeparator(root) + IOPath.DirectorySeparatorChar;
        var inside = shard.Length > 0 && !shard.Contains('\0')
            && IOPath.GetFullPath(IOPath.Combine(root, shard)).StartsWith(prefix, StringComparison.Ordinal);
        return inside
            ? shard
            : throw new InvalidInputException($"{index}, tensor {InputText.Quoted(entry.Name)}", InputText.Quoted(entry.Value.ToString()),
                "a file in the folder of the index");
    }
}
