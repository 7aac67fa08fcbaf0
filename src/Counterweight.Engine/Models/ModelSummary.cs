using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>What a model folder holds, found without loading its experts.</summary>
/// <param name="Shape">Sizes.</param>
/// <param name="Fingerprint">What plans and loads of it are checked against.</param>
/// <param name="Costs">Bytes of every expert at every precision, as the engine would hold them.</param>
/// <param name="Parameters">Weights of the original model: one full set of experts.</param>
/// <param name="ActiveParameters">Those that take part in one token: all that are not experts', and top-k experts of mean size in each MoE layer.</param>
/// <param name="DenseBytes">Bytes of all weights that are not experts', as held.</param>
/// <param name="ExpertBytes">Bytes of all experts, as held: under the plan, or in the stored precision.</param>
/// <param name="Plan">The folder's own plan; null where it has none.</param>
/// <param name="IsBalanced">Whether the folder is a balanced checkpoint.</param>
public sealed record ModelSummary(
    ModelShape Shape, ModelFingerprint Fingerprint, ExpertCosts Costs, long Parameters, long ActiveParameters,
    long DenseBytes, long ExpertBytes, Plan? Plan, bool IsBalanced)
{
    /// <summary>The precision that the checkpoint stores experts in.</summary>
    public Precision StoredPrecision => Costs.Original;

    /// <summary>Bytes of all experts by precision, as the engine would hold them.</summary>
    public IReadOnlyDictionary<Precision, long> BytesByPrecision => Costs.Precisions.ToDictionary(precision => precision, precision => Costs.Total(Fingerprint, precision));

    /// <summary>What lower precisions of the experts free; nothing in a balanced checkpoint, whose original experts are gone.</summary>
    public IReadOnlyList<FreedBytes> FreedBytes => IsBalanced ? [] : EqualBytes.Freed(Costs, Fingerprint);

    /// <summary>Logical experts of all layers.</summary>
    public int AllExperts => Shape.Experts * Shape.MoeLayers.Count;

    /// <summary>Opens a folder for a look.</summary>
    /// <param name="folder">An ordinary or a balanced checkpoint.</param>
    /// <param name="warn">Told of config keys that have no effect.</param>
    /// <exception cref="Balancing.InvalidInputException">Anything in the folder that cannot be used.</exception>
    public static ModelSummary Of(string folder, Action<string>? warn = null)
    {
        using var checkpoint = Checkpoint.Open(folder);
        using var pool = new WorkerPool(1);
        using var model = ModelLoader.Load(checkpoint, new ComputeContext(MatMulKernelFactory.Create(), pool), warn);
        var plan = LoadedModel.OwnPlan(checkpoint, model);
        var shape = model.Shape;
        var dense = CheckpointWriter.DenseTensors(model, checkpoint).Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));
        var experts = Enumerable.Range(0, shape.MoeLayers.Count).Sum(l => Enumerable.Range(0, shape.Experts).Sum(e => model.ExpertPlaces(l, e).Parameters));
        var costs = model.ExpertCosts;
        return new ModelSummary(
            shape, model.Fingerprint, costs,
            dense + experts, dense + experts * shape.TopK / shape.Experts, model.DenseBytes,
            costs.BytesOf(plan?.Layers ?? model.OriginalLayers()), plan, BalancedExperts.AreIn(checkpoint));
    }
}
