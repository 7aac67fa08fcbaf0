using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Models;

/// <summary>The sigmoid router as DeepSeek-V3 and its kin configure it.</summary>
internal static class SigmoidRouting
{
    /// <summary>The router whose projection is <paramref name="gate"/> [experts, hidden] and whose correction bias [experts] is <paramref name="bias"/>.</summary>
    public static SigmoidRouter Read(string gate, string bias, DecoderBuilder builder)
    {
        var (file, shape) = (builder.Config.File, builder.Shape);
        builder.Config.Require("scoring_func", "sigmoid");
        builder.Config.Require("topk_method", "noaux_tc");
        var groups = file.Int("n_group", 1, 256, 1);
        if (shape.Experts % groups != 0)
            throw file.Refuse("n_group", $"a divisor of the {shape.Experts} experts");
        var chosen = file.Int("topk_group", 1, groups, groups);
        if ((long)chosen * (shape.Experts / groups) < shape.TopK)
            throw file.Refuse("topk_group", $"groups that hold at least {shape.TopK} experts");
        return new SigmoidRouter(builder.Context, builder.Gate(gate), shape.TopK, builder.Weights.Vector(bias, shape.Experts))
        {
            Groups = groups,
            ChosenGroups = chosen,
            Renormalise = file.Bool("norm_topk_prob", true),
            Factor = builder.Config.Factor("routed_scaling_factor", 1),
        };
    }
}
