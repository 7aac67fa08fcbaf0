using System.Globalization;
using Counterweight.Balancing.Plans;

namespace Counterweight.Evaluation.Studies.Policies;

/// <summary>The variants of the studies.</summary>
internal static class PolicyVariants
{
    // Baselines have no limit on the loss: what they cost is what is measured.
    private const double NoLimit = 10;

    private const int Devices = 8;

    /// <summary>The model as it is.</summary>
    public static PolicyVariant Unchanged(StudyContext context) => new("raw", "none", [context.Model.OriginalExperts.StoredPrecision]);

    /// <summary>The paper's Table 2 and what it is to be compared with.</summary>
    public static IReadOnlyList<PolicyVariant> Grid(StudyContext context)
    {
        var (low, original) = (context.LowPrecision, context.Model.OriginalExperts.StoredPrecision);
        return
        [
            Unchanged(context),
            new("paper", "paper", [low]),
            new("budget int8", "budget", [Precision.Int8]),
            new("budget int8 + int4", "budget", [Precision.Int8, Precision.Int4]),
            // EPLB's copies cost memory. At equal bytes it has none and only places, or pays with precision: for one more on each device, or for as many as fit.
            new("EPLB, no copies", "eplb", [Precision.Int8], ("redundant-experts", "0")),
            new("EPLB, a copy a device", "eplb", [Precision.Int8, Precision.Int4]) { MaxLoss = NoLimit },
            new("EPLB, as many as fit", "eplb", [Precision.Int8], ("redundant-experts", EqualBytes(context))) { MaxLoss = NoLimit },
            new("quantize all", "quantize", [Precision.Int8], ("share", "1")),
            new("quantize hot half", "quantize", [Precision.Int8], ("experts", "hot")),
            new("quantize cold half", "quantize", [Precision.Int8], ("experts", "cold")),
            new("replicate only", "paper", [original], ("replicas", "1")) { Budget = ForReplicas(context, 1) },
        ];
    }

    /// <summary>The paper's Table 3, its choices one by one, and more replicas than one.</summary>
    public static IReadOnlyList<PolicyVariant> Ablation(StudyContext context)
    {
        var low = context.LowPrecision;
        return
        [
            Unchanged(context),
            new("quantize least important only", "paper", [low], ("replicas", "0")),
            new("replicate in low precision only", "paper", [low], ("quantized", "0")) { Budget = ForReplicas(context, 1) },
            new("quantize all experts", "quantize", [low], ("share", "1")),
            new("R&Q", "paper", [low]),
            new("R&Q, bottom Wanda", "paper", [low], ("importance", "wanda-bottom")),
            new("R&Q, measured distortion", "paper", [low], ("importance", "distortion")),
            new("R&Q, random", "paper", [low], ("importance", "random")),
            new("R&Q, int4", "paper", [Precision.Int4]),
            new("R&Q, 2 replicas", "paper", [low], ("replicas", "2"), ("quantized", "2")),
            new("R&Q, 4 replicas", "paper", [low], ("replicas", "4"), ("quantized", "4")),
            new("R&Q, 8 replicas", "paper", [low], ("replicas", "8"), ("quantized", "8")),
        ];
    }

    // As many copies as fit the bytes of the model in int8, a multiple of the devices.
    private static string EqualBytes(StudyContext context)
    {
        var (costs, model, experts) = (context.Model.ExpertCosts, context.Model.Fingerprint, context.Model.Shape.Experts);
        var slots = experts * costs.OriginalBytes(model) / costs.Total(model, Precision.Int8) / Devices * Devices;
        return slots > experts ? (slots - experts).ToString(CultureInfo.InvariantCulture) : "auto";
    }

    // Rounded up to what the option can say.
    private static double ForReplicas(StudyContext context, int replicas) => Math.Ceiling((1 + (double)replicas / context.Model.Shape.Experts) * 1e4) / 1e4;
}
