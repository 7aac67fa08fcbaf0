using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Checkpoints.Quantized;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Picks the architecture by <c>model_type</c>.</summary>
public static class ModelLoader
{
    private static readonly Dictionary<string, Func<Checkpoint, ConfigReader, ComputeContext, MoeModel>> Architectures = new()
    {
        ["deepseek"] = Deepseek.Load,
        ["deepseek_v2"] = DeepseekV2.Load,
        ["deepseek_v3"] = DeepseekV3.Load,
        ["dots1"] = Dots1.Load,
        ["ernie4_5_moe"] = Ernie45Moe.Load,
        ["exaone_moe"] = ExaoneMoe.Load,
        ["flex_olmo"] = FlexOlmo.Load,
        ["glm4_moe"] = Glm4Moe.Load,
        ["gpt_oss"] = GptOss.Load,
        ["granitemoe"] = GraniteMoe.Load,
        ["granitemoeshared"] = GraniteMoe.LoadShared,
        ["hunyuan_v1_moe"] = HunyuanV1Moe.Load,
        ["lfm2_moe"] = Lfm2Moe.Load,
        ["llama4_text"] = Llama4Text.Load,
        ["llama_moe"] = LlamaMoe.Load,
        ["minimax_m2"] = MiniMaxM2.Load,
        ["mixtral"] = Mixtral.Load,
        ["olmoe"] = Olmoe.Load,
        ["phimoe"] = PhiMoe.Load,
        ["qwen2_moe"] = Qwen2Moe.Load,
        ["qwen3_moe"] = Qwen3Moe.Load,
        ["switch_transformers"] = SwitchTransformers.Load,
    };

    /// <summary>The model types that can be loaded.</summary>
    public static IReadOnlyCollection<string> ModelTypes => Architectures.Keys;

    /// <summary>Loads a model without its experts: what they are is for <see cref="MoeModel.LoadExperts"/> to say.</summary>
    /// <param name="checkpoint">The weights; must stay open as long as the model.</param>
    /// <param name="context">Kernels and threads.</param>
    /// <param name="warn">Told of config keys that nothing reads.</param>
    public static MoeModel Load(Checkpoint checkpoint, ComputeContext context, Action<string>? warn = null)
    {
        var config = TextPartOf(checkpoint.ReadConfig());
        if (!Architectures.TryGetValue(config.String("model_type"), out var load))
            throw config.Refuse("model_type", $"one of {string.Join(", ", ModelTypes)}");
        // The checkpoint has read and checked it.
        foreach (var key in QuantizationConfig.Keys)
            config.Ignore(key);
        var model = load(checkpoint, config, context);
        checkpoint.EndLoading();
        try
        {
            config.RefuseInfluential();
        }
        catch
        {
            model.Dispose();
            throw;
        }
        // Published files give the width of dense layers where there are none.
        foreach (var key in config.UnknownKeys("intermediate_size"))
            warn?.Invoke($"{config.File}: key \"{key}\" is not known and has no effect");
        return model;
    }

    /// <summary>The settings of the text model, where a file has those of other parts beside it.</summary>
    private static ConfigReader TextPartOf(ConfigReader config) => config.String("model_type") == "llama4"
        ? config.OptionalObject("text_config") ?? throw config.Refuse("text_config", "the settings of the text model")
        : config;
}
