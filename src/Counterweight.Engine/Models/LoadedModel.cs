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
        _tokenizer = new Lazy<Tokenizer>(() => Tokenizer.Load(Path.Combine(checkpoint.Folder, "tokenizer.json")));
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

    /// <summary>Opens a folder.</summary>
    /// <param name="folder">An ordinary or a balanced checkpoint.</param>
    /// <param name="options">How to load it.</param>
    /// <param name="warn">Told of config keys that have no effect.</param>
    /// <exception cref="InvalidInputException">Anything in the folder or the plan that cannot be used.</exception>
    public static LoadedModel Open(string folder, LoadOptions? options = null, Action<string>? warn = null)
    {
        options ??= new LoadOptions();
        var checkpoint = Checkpoint.Open(folder);
        WorkerPool? pool = null;
        MoeModel? model = null;
        try
        {
            pool = new WorkerPool(options.Threads);
            model = ModelLoader.Load(checkpoint, new ComputeContext(MatMulKernelFactory.Create(options.Kernels), pool), warn);
            var loaded = new LoadedModel(checkpoint, pool, model);
            var ownPlan = Path.Combine(folder, CheckpointWriter.PlanFileName);
            if (options.PlanFile is null && BalancedExperts.AreIn(checkpoint) && !File.Exists(ownPlan))
                throw new InvalidInputException(ownPlan, "no file", "the plan of this balanced checkpoint");
            loaded.Apply(options.PlanFile ?? (File.Exists(ownPlan) ? ownPlan : null), options.Split);
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

    /// <summary>Loads the experts of a plan file, or as the checkpoint has them.</summary>
    private void Apply(string? planFile, string split)
    {
        if (planFile is not null)
        {
            Plan = PlanFile.Read(planFile);
            PlanValidator.CheckFits(Plan, Model.Fingerprint, planFile);
        }
        Model.LoadExperts(Plan?.Layers ?? Model.OriginalLayers(), Model.OriginalExperts, () => SplitPolicies.Create(split));
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

    /// <summary>Threads, 1 to 1024; null (default): one for each core.</summary>
    public int? Threads { get; init; }

    /// <summary>Kernel variant by name; null (default): the best one, or what COUNTERWEIGHT_KERNELS says.</summary>
    public string? Kernels { get; init; }

    /// <summary>Split policy by name; default <c>by-gate</c>.</summary>
    public string Split { get; init; } = "by-gate";
}
