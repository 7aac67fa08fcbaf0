using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Models;

/// <summary>The sigmoid router as DeepSeek-V3 and its kin configure it.</summary>
internal static class SigmoidRouting
{
    /// <summary>The router whose projection is <paramref name="gate"/> [experts, hidden] and whose correction bias [experts] is <paramref name="bias"/>.</summary>
    /// <param name="gate">The projection's name.</param>
    /// <param name="bias">The bias' name.</param>
    /// <param name="builder">The model.</param>
    /// <param name="renormalise">Whether weights are divided by their sum where the file does not say.</param>
    /// <param name="factor">What weights are multiplied with where the file does not say.</param>
    /// <param name="groups">Groups, and how many of them are chosen from, where the file does not say.</param>
    public static SigmoidRouter Read(string gate, string bias, DecoderBuilder builder, bool renormalise = true, double factor = 1, (int All, int Chosen)? groups = null)
    {
        var (config, shape) = (builder.Config, builder.Shape);
        config.Require("scoring_func", "sigmoid");
        config.Require("topk_method", "noaux_tc");
        var (all, chosen) = ExpertGroupsOf(config, shape, groups ?? (1, 1));
        return new SigmoidRouter(builder.Context, builder.Gate(gate), shape.TopK, builder.Weights.Vector(bias, shape.Experts))
        {
            Groups = all,
            ChosenGroups = chosen,
            Renormalise = config.File.Bool("norm_topk_prob", renormalise),
            Factor = config.Factor("routed_scaling_factor", factor),
        };
    }

    /// <summary><c>n_group</c> and <c>topk_group</c>, checked.</summary>
    public static (int All, int Chosen) ExpertGroupsOf(DecoderConfig config, ModelShape shape, (int All, int Chosen) fallback)
    {
        var groups = config.File.Int("n_group", 1, 256, fallback.All);
        if (shape.Experts % groups != 0)
            throw config.File.Refuse("n_group", $"a divisor of the {shape.Experts} experts");
        var chosen = config.File.Int("topk_group", 1, groups, fallback.Chosen);
        return chosen <= groups && (long)chosen * (shape.Experts / groups) >= shape.TopK
            ? (groups, chosen)
            : throw config.File.Refuse("topk_group", $"at most {groups}, and groups that hold at least {shape.TopK} experts");
    }
}
