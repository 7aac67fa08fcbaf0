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
        var (groups, chosen) = DeepseekV2.ExpertGroupsOf(builder.Config, shape);
        return new SigmoidRouter(builder.Context, builder.Gate(gate), shape.TopK, builder.Weights.Vector(bias, shape.Experts))
        {
            Groups = groups,
            ChosenGroups = chosen,
            Renormalise = file.Bool("norm_topk_prob", true),
            Factor = builder.Config.Factor("routed_scaling_factor", 1),
        };
    }
}
