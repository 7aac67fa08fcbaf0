using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints.Gguf;
using Counterweight.Engine.Checkpoints.Quantized;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Engine.Checkpoints;

/// <summary>A model on disk: its weights, config and tokenizer, in a folder or in a GGUF file.</summary>
/// <param name="location">The folder or file.</param>
public abstract class Checkpoint(string location) : TensorSource
{
    /// <summary>The weights of a checkpoint in one file.</summary>
    public const string SingleFileName = "model.safetensors";

    /// <summary>The settings of a model.</summary>
    public const string ConfigFileName = "config.json";

    /// <summary>The list of a sharded checkpoint's tensors.</summary>
    public const string IndexFileName = "model.safetensors.index.json";

    /// <summary>The folder or file that was opened.</summary>
    public string Location => location;

    /// <summary>The matrices that are no ordinary tensors; null if all are.</summary>
    internal abstract IStoredTensors? Stored { get; }

    /// <summary>The open safetensors files: one, or the shards in ordinal order of their names; empty for a GGUF file.</summary>
    public virtual IReadOnlyList<SafetensorsFile> Files => [];

    /// <summary>
    /// Opens a GGUF file (of several the first one), or a model folder with <see cref="SingleFileName"/> or the shards that
    /// <see cref="IndexFileName"/> lists; of two layouts the single file wins. Headers are checked, data is not read.
    /// </summary>
    /// <exception cref="InvalidInputException">
    /// There are no weights, a file is missing, outside of the folder or malformed, a listed tensor isn't in its file, or weights are quantized in a way that is
    /// not known.
    /// </exception>
    public static Checkpoint Open(string location) => GgufCheckpoint.IsFile(location) ? GgufCheckpoint.OpenFile(location) : SafetensorsCheckpoint.OpenFolder(location);

    /// <summary>Whether a path is a file that <see cref="Open"/> takes for a model: other kinds of GGUF files say that they are none.</summary>
    public static bool IsModelFile(string path)
    {
        if (!GgufCheckpoint.IsFile(path))
            return false;
        using var file = GgufFile.Open(path);
        return file.Metadata.String("general.type", "model") == "model";
    }

    /// <summary>The settings: <c>config.json</c>, or what stands for it.</summary>
    public abstract ConfigReader ReadConfig();

    /// <summary>The tokenizer: <c>tokenizer.json</c>, or what stands for it.</summary>
    public abstract Tokenizer LoadTokenizer();

    /// <summary>The chat template that the weights' own file has, in Jinja; null where there is none, and for folders, which have it in a file beside.</summary>
    public virtual string? ChatTemplate => null;

    /// <summary>The path that a small file beside the weights has, whether or not it is there; null where files beside do not belong to the model.</summary>
    public abstract string? SideFile(string name);

    /// <summary>Writes config, tokenizer and what else stands beside the weights into another folder; no plan.</summary>
    internal abstract void WriteSideFiles(string folder);

    /// <summary>Where experts lie, if that is elsewhere than the family has them.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="family">Where the family has those of (MoE layer, expert).</param>
    internal virtual Func<int, int, ExpertPlaces> ExpertPlaces(ModelShape shape, Func<int, int, ExpertPlaces> family) => family;

    /// <summary>Whether <see cref="ExpertPlaces"/> names tensors that no other engine knows.</summary>
    internal virtual bool HasOwnExpertNames => false;

    /// <summary>Gives memory back that loading has made; called when all weights but the experts' are loaded.</summary>
    internal virtual void EndLoading()
    {
    }

    /// <summary>Lets go of what reading has brought into the process; it comes back from the page cache when it is read again.</summary>
    internal virtual void ReleasePages()
    {
    }
}
