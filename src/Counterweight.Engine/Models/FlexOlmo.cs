using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>FlexOlmo (Shi et al. 2025, "FlexOlmo: Open Language Models for Flexible Data Use"): OLMoE's experts, norms after attention and experts.</summary>
internal static unsafe class FlexOlmo
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Theta = 500000 });
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        var bias = file.Bool("attention_bias", false);
        return builder.Build(builder.Parts(
            l => new PostNormLayer(
                builder.Attention(l, Olmoe.Prepare($"model.layers.{l}.self_attn", builder), bias, bias),
                builder.Norm($"model.layers.{l}.post_attention_layernorm"),
                Olmoe.Moe(l, builder),
                builder.Norm($"model.layers.{l}.post_feedforward_layernorm")),
            builder.Experts("mlp.experts"),
            layer => [$"model.layers.{layer}.mlp.gate.weight"]));
    }

    /// <summary>x += norm(mix(x)); x += norm(mlp(x)).</summary>
    private sealed class PostNormLayer(SequenceMixer mixer, RowNorm mixerNorm, FeedForward mlp, RowNorm mlpNorm) : DecoderLayer
    {
        public override void Forward(ForwardPass pass)
        {
            mixer.Forward(pass, pass.Residual);
            pass.NormOutput(mixerNorm);
            pass.Add();
            mlp.Forward(pass, pass.Residual);
            pass.NormOutput(mlpNorm);
            pass.Add();
        }

        public override void Dispose()
        {
            mixer.Dispose();
            mlp.Dispose();
        }
    }
}
