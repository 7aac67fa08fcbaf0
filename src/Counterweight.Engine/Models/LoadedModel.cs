using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Threading;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Engine.Models;

/// <summary>A model folder, opened: weights mapped, experts loaded as its plan says, tokenizer read on first use.</summary>
public sealed class LoadedModel : IDisposable
{
    private readonly Lazy<Tokenizer> _tokenizer;

    private LoadedModel(Checkpoint checkpoint, WorkerPool pool, MoeModel model)
    {
        Checkpoint = checkpoint;
        Pool = pool;
        Model = model;
        _tokenizer = new Lazy<Tokenizer>(checkpoint.LoadTokenizer);
    }

    /// <summary>The mapped weights.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>The threads that the model runs on.</summary>
    public WorkerPool Pool { get; }

    /// <summary>The model with its experts.</summary>
    public MoeModel Model { get; }

    /// <summary>The plan that the experts are loaded by; null: as the checkpoint has them.</summary>
    public Plan? Plan { get; private set; }

    /// <summary>The folder's tokenizer.</summary>
    public Tokenizer Tokenizer => _tokenizer.Value;

    /// <summary>Opens a model.</summary>
    /// <param name="location">Folder of an ordinary or a balanced checkpoint, or a GGUF file.</param>
    /// <param name="options">How to load it.</param>
    /// <param name="warn">Told of config keys that have no effect.</param>
    /// <exception cref="InvalidInputException">Anything in the model or the plan that cannot be used.</exception>
    public static LoadedModel Open(string location, LoadOptions? options = null, Action<string>? warn = null)
    {
        options ??= new LoadOptions();
        var checkpoint = Checkpoint.Open(location);
        WorkerPool? pool = null;
        MoeModel? model = null;
        try
        {
            pool = new WorkerPool(options.Threads, options.Pin);
            model = ModelLoader.Load(checkpoint, new ComputeContext(MatMulKernelFactory.Create(options.Kernels), pool, options.Compute), warn);
            var loaded = new LoadedModel(checkpoint, pool, model);
            loaded.Apply(PlanFor(options, checkpoint, model), options.Split);
            return loaded;
        }
        catch
        {
            model?.Dispose();
            pool?.Dispose();
            checkpoint.Dispose();
            throw;
        }
    }

    private static Plan? PlanFor(LoadOptions options, Checkpoint checkpoint, MoeModel model)
    {
        if (options.Original)
            return BalancedExperts.AreIn(checkpoint)
                ? throw new InvalidInputException(checkpoint.Location, "a balanced checkpoint", "the original model, whose experts other precisions can be made from")
                : null;
        return options.PlanFile is { } file ? ReadPlan(file, model) : OwnPlan(checkpoint, model);
    }

    /// <summary>The plan that lies in the folder, if there is one.</summary>
    internal static Plan? OwnPlan(Checkpoint checkpoint, MoeModel model)
    {
        var file = checkpoint.SideFile(CheckpointWriter.PlanFileName);
        if (File.Exists(file))
            return ReadPlan(file, model);
        return BalancedExperts.AreIn(checkpoint) ? throw new InvalidInputException(file!, "no file", "the plan of this balanced checkpoint") : null;
    }

    /// <summary>Reads a plan and checks that it is for this model and that the engine can hold its precisions.</summary>
    /// <exception cref="InvalidInputException">It is not: names the JSON path.</exception>
    public static Plan ReadPlan(string file, MoeModel model)
    {
        var plan = PlanFile.Read(file);
        PlanValidator.CheckFits(plan, model.Fingerprint, file);
        PlanValidator.CheckPrecisions(plan, model.ExpertCosts, file);
        return plan;
    }

    /// <summary>Loads the experts of a plan, or as the checkpoint has them.</summary>
    private void Apply(Plan? plan, string split)
    {
        Plan = plan;
        Model.LoadExperts(plan?.Layers ?? Model.OriginalLayers(), Model.OriginalExperts, () => SplitPolicies.Create(split));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        Pool.Dispose();
        Checkpoint.Dispose();
    }
}

/// <summary>How a model folder is opened.</summary>
public sealed record LoadOptions
{
    /// <summary>A plan to load the experts by; null (default): the folder's own <c>plan.json</c>, else as the checkpoint has them.</summary>
    public string? PlanFile { get; init; }

    /// <summary>Loads experts as the checkpoint has them, whatever plan lies there, and refuses a balanced checkpoint; default false.</summary>
    public bool Original { get; init; }

    /// <summary>Threads, 1 to 1024; null (default): one for each core.</summary>
    public int? Threads { get; init; }

    /// <summary>Keeps each thread on a processor of its own; default false.</summary>
    public bool Pin { get; init; }

    /// <summary>Kernel variant by name; null (default): the best one, or what COUNTERWEIGHT_KERNELS says.</summary>
    public string? Kernels { get; init; }

    /// <summary>What activations are when they meet integer weights; default <see cref="ComputeMode.Fast"/>.</summary>
    public ComputeMode Compute { get; init; } = ComputeMode.Fast;

    /// <summary>Split policy by name; default <c>by-gate</c>.</summary>
    public string Split { get; init; } = "by-gate";
}
