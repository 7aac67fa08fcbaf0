using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints.Quantized;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization.Formats;
using Counterweight.Engine.Tokenization;
using Counterweight.Engine.Tokenization.Gguf;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>
/// A GGUF file as the checkpoint that it was converted from: the same tensors under the same names, the same config. Families know
/// nothing of it. What stands in blocks is given out packed where matrices are asked for by place, and decoded to F32 otherwise.
/// </summary>
internal sealed class GgufCheckpoint : Checkpoint, IStoredTensors
{
    private readonly GgufTensors _tensors;
    private readonly IReadOnlyList<GgufFile> _opened;
    private readonly GgufArchitecture _architecture;
    private readonly string _configJson;
    private readonly ConfigReader _config;
    private readonly IReadOnlyDictionary<string, GgufPart> _parts;

    private GgufCheckpoint(string path, GgufTensors tensors, IReadOnlyList<GgufFile> opened) : base(path)
    {
        (ListedIn, _tensors, _opened) = (path, tensors, opened);
        _architecture = GgufArchitectures.Of(tensors);
        _configJson = _architecture.Config(tensors).ToJsonString();
        using var config = JsonDocument.Parse(_configJson);
        _config = ConfigReader.Of(config.RootElement, path);
        _parts = GgufParts.Find(tensors, _architecture, _config);
        TensorNames = [.. _parts.Keys.Order(StringComparer.Ordinal)];
        Matrices = [.. _parts.Values.Where(IsStoredMatrix).Select(part => WeightPlace.Whole(part.Name, (int)part.Shape[0], (int)part.Shape[1]))];
    }

    /// <summary>Opens a file, or the first of several.</summary>
    /// <exception cref="InvalidInputException">It is malformed, or a model that isn't supported: names key or tensor.</exception>
    public static GgufCheckpoint OpenFile(string path)
    {
        var opened = new List<GgufFile>();
        try
        {
            return new GgufCheckpoint(path, GgufSplit.Open(path, opened), opened);
        }
        catch
        {
            opened.ForEach(file => file.Dispose());
            throw;
        }
    }

    /// <summary>Whether a path is a GGUF file and no model folder.</summary>
    public static bool IsFile(string path) => File.Exists(path) && path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public override string ListedIn { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TensorNames { get; }

    /// <inheritdoc/>
    public IReadOnlyCollection<WeightPlace> Matrices { get; }

    /// <inheritdoc/>
    internal override IStoredTensors? Stored => this;

    /// <inheritdoc/>
    public override bool TryGet(string name, out TensorView tensor)
    {
        var found = _parts.TryGetValue(name, out var part);
        tensor = found ? part!.View() : default;
        return found;
    }

    /// <inheritdoc/>
    public StoredFormat? FormatOf(WeightPlace place)
    {
        if (!_parts.TryGetValue(place.Tensor, out var part) || !IsStoredMatrix(part))
            return null;
        if (!part.Shape.SequenceEqual(place.Shape.Select(size => (long)size)))
            throw Refuse(place, $"shape {InputText.Shape<long>(part.Shape)}", $"shape {InputText.Shape<int>(place.Shape)}");
        if (place.InputStride != 1 || place.OutputStride != place.Inputs || place.First % part.Type.BlockValues != 0 || place.Inputs % part.Type.BlockValues != 0)
            throw Refuse(place, $"blocks of {part.Type.Name}", "rows that are whole blocks");
        return GgmlFormats.Of(part.Type);
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Read(WeightPlace place, StoredFormat format)
    {
        var part = _parts[place.Tensor];
        return new MappedMemory(part.Memory, part.Begin + part.Type.BytesOf(place.First), checked((int)format.Bytes(place.Outputs, place.Inputs))).Memory;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> TensorsOf(string tensor) => [];

    /// <summary>The chat template in Jinja, or null where the file has none.</summary>
    public override string? ChatTemplate => _tensors.Metadata.Has("tokenizer.chat_template") ? _tensors.Metadata.String("tokenizer.chat_template") : null;

    /// <inheritdoc/>
    public override ConfigReader ReadConfig() => _config;

    /// <inheritdoc/>
    public override Tokenizer LoadTokenizer() => Tokenizer.Of(_tensors.Metadata);

    /// <summary>Null: other files in the folder may belong to other models.</summary>
    public override string? SideFile(string name) => null;

    /// <inheritdoc/>
    internal override void WriteSideFiles(string folder)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), _configJson);
        if (GgufTokenizerFile.IsIn(_tensors.Metadata))
            File.WriteAllBytes(Path.Combine(folder, "tokenizer.json"), GgufTokenizerFile.Make(_tensors.Metadata));
        if (ChatTemplate is { } template)
            File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), template);
    }

    /// <inheritdoc/>
    internal override Func<int, int, ExpertPlaces> ExpertPlaces(ModelShape shape, Func<int, int, ExpertPlaces> family)
    {
        if (!_architecture.FusedExperts)
            return family;
        var (gate, up, down) = _architecture.Projections;
        return (layer, expert) => SeparateExperts.At($"model.layers.{shape.MoeLayers[layer]}.{_architecture.Experts}.{expert}", shape, gate, up, down) with
        {
            Biases = family(layer, expert).Biases,
        };
    }

    /// <inheritdoc/>
    internal override bool HasOwnExpertNames => _architecture.FusedExperts;

    /// <inheritdoc/>
    internal override void EndLoading()
    {
        foreach (var part in _parts.Values)
            part.Release();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        EndLoading();
        foreach (var file in _opened)
            file.Dispose();
    }

    private static bool IsStoredMatrix(GgufPart part) => part.Type.IsBlocks && part.Shape.Length == 2;

    private InvalidInputException Refuse(WeightPlace place, string found, string expected) => new($"{ListedIn}, tensor {InputText.Quoted(place.Tensor)}", found, expected);
}
