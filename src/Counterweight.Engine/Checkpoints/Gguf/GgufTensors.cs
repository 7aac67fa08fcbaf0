using System.Globalization;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>The tensors of a model by the names of the file or, where it is split, of all its parts.</summary>
/// <param name="files">The files in their order; the first one has the metadata.</param>
/// <param name="byName">All tensors.</param>
internal sealed class GgufTensors(IReadOnlyList<GgufFile> files, IReadOnlyDictionary<string, GgufTensor> byName)
{
    /// <summary>The metadata.</summary>
    public GgufMetadata Metadata => files[0].Metadata;

    /// <summary>The file whose metadata counts.</summary>
    public string File => files[0].Path;

    /// <summary>All of them.</summary>
    public IEnumerable<GgufTensor> All => byName.Values;

    /// <summary>Whether the file has it.</summary>
    public bool Has(string name) => byName.ContainsKey(name);

    /// <summary>The tensor, or null.</summary>
    public GgufTensor? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>Whether a layer has experts: those of all in one tensor or, as older files have it, one tensor each.</summary>
    public bool HasExperts(int layer) => Has($"blk.{layer}.ffn_down_exps.weight") || Has($"blk.{layer}.ffn_down.0.weight");

    /// <summary>Splits <c>blk.N.PART</c>.</summary>
    public static bool TrySplit(string name, out int layer, out string part)
    {
        (layer, part) = (-1, name);
        if (!name.StartsWith("blk.", StringComparison.Ordinal) || name.IndexOf('.', 4) is not (> 4 and var dot))
            return false;
        part = name[(dot + 1)..];
        return int.TryParse(name.AsSpan(4, dot - 4), NumberStyles.None, CultureInfo.InvariantCulture, out layer);
    }
}
