using System.Globalization;

namespace Counterweight.Balancing.Policies.Paper;

/// <summary>Which expert counts as the least important one.</summary>
public enum ImportanceReading
{
    /// <summary>The paper's Algorithm 2: the largest mean of the highest |W|·‖X‖₂ entries.</summary>
    WandaTop,

    /// <summary>The paper's section 2.4: the largest mean of the lowest entries.</summary>
    WandaBottom,

    /// <summary>The smallest measured loss at the precision that it is quantized to.</summary>
    Distortion,

    /// <summary>Drawn by the request's seed: a baseline.</summary>
    Random,

    /// <summary>The largest load: a baseline.</summary>
    HeavyHitter,
}

/// <summary>What happens when a least important expert is replicated as well; the paper doesn't say.</summary>
public enum CollisionRule
{
    /// <summary>The next least important expert is quantized in its place: the heavy hitter stays at full precision, as in the paper.</summary>
    Next,

    /// <summary>It is quantized all the same.</summary>
    Quantize,
}

/// <summary>Which experts more than one replica go to; the paper has one.</summary>
public enum ReplicaChoice
{
    /// <summary>One replica each for the experts with the largest loads.</summary>
    Distinct,

    /// <summary>Each in turn to the expert with the largest load per copy.</summary>
    LoadPerCopy,
}

/// <summary>Options of <see cref="PaperPolicy"/>: every choice that the paper leaves open.</summary>
public sealed record PaperPolicyOptions
{
    private static readonly string[] ImportanceNames = ["wanda-top", "wanda-bottom", "distortion", "random", "heavy-hitter"];
    private static readonly string[] CollisionNames = ["next", "quantize"];
    private static readonly string[] ChoiceNames = ["distinct", "load-per-copy"];

    /// <summary>Replicas in each layer: <c>replicas</c>, 0 to 1024. Default 1.</summary>
    public int Replicas { get; init; } = 1;

    /// <summary>
    /// Experts of each layer that are quantized in place: <c>quantized</c>, 0 to 65536. Default 1. More follow, in order of importance and
    /// one layer after the other, where the scales of quantized weights would exceed the budget.
    /// </summary>
    public int Quantized { get; init; } = 1;

    /// <summary>Where replicas go: <c>replica-choice</c>, <c>distinct</c> (default) or <c>load-per-copy</c>.</summary>
    public ReplicaChoice ReplicaChoice { get; init; }

    /// <summary>
    /// Which experts are quantized: <c>importance</c>, <c>wanda-top</c> (default), <c>wanda-bottom</c>, <c>distortion</c>, <c>random</c> or
    /// <c>heavy-hitter</c>.
    /// </summary>
    public ImportanceReading Importance { get; init; }

    /// <summary>When both lists name an expert: <c>collision</c>, <c>next</c> (default) or <c>quantize</c>.</summary>
    public CollisionRule Collision { get; init; }

    /// <summary>Options by name, as in a plan file.</summary>
    /// <exception cref="InvalidInputException">An unknown name or a value out of range.</exception>
    public static PaperPolicyOptions Parse(IReadOnlyDictionary<string, string> options)
    {
        var (reader, defaults) = (new OptionReader(PaperPolicy.PolicyName, options), new PaperPolicyOptions());
        var parsed = new PaperPolicyOptions
        {
            Replicas = reader.Integer("replicas", defaults.Replicas, 0, 1024),
            Quantized = reader.Integer("quantized", defaults.Quantized, 0, 65536),
            ReplicaChoice = (ReplicaChoice)reader.Choice("replica-choice", (int)defaults.ReplicaChoice, ChoiceNames),
            Importance = (ImportanceReading)reader.Choice("importance", (int)defaults.Importance, ImportanceNames),
            Collision = (CollisionRule)reader.Choice("collision", (int)defaults.Collision, CollisionNames),
        };
        reader.RefuseOthers();
        return parsed;
    }

    /// <summary>The inverse of <see cref="Parse"/>, every option included.</summary>
    public IReadOnlyDictionary<string, string> ToDictionary() => new OrderedDictionary<string, string>
    {
        ["replicas"] = Replicas.ToString(CultureInfo.InvariantCulture),
        ["quantized"] = Quantized.ToString(CultureInfo.InvariantCulture),
        ["replica-choice"] = ChoiceNames[(int)ReplicaChoice],
        ["importance"] = ImportanceNames[(int)Importance],
        ["collision"] = CollisionNames[(int)Collision],
    };
}
