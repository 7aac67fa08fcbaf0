using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>What a family needs at hand while it puts its decoder together, and the parts that most have under the same names.</summary>
internal sealed unsafe class DecoderBuilder
{
    private const string TextPart = "language_model.";

    /// <summary>A builder over a checkpoint.</summary>
    /// <param name="checkpoint">The weights.</param>
    /// <param name="context">Kernels and threads.</param>
    /// <param name="config">The config's common part.</param>
    /// <param name="shape">Sizes.</param>
    /// <param name="frequencies">Of the rotary embedding.</param>
    /// <param name="rows">Where attention is worked on; null for grouped-query attention with the usual scale.</param>
    public DecoderBuilder(
        Checkpoint checkpoint, ComputeContext context, DecoderConfig config, ModelShape shape, RotaryFrequencies frequencies, AttentionRows? rows = null)
    {
        (Config, Shape) = (config, shape with { MaxPositions = Math.Min(shape.MaxPositions, frequencies.LongestText) });
        Weights = new WeightLoader(checkpoint, context);
        Root = checkpoint.Has($"{TextPart}model.embed_tokens.weight") ? TextPart : "";
        Rotary = new RotaryEmbedding(frequencies);
        Rows = rows ?? new AttentionRows(context, config.Heads, config.KvHeads, config.HeadDim, config.AttentionScale);
    }

    public DecoderConfig Config { get; }

    /// <summary>What names of tensors begin with: nothing, or <c>language_model.</c> in checkpoints that have other parts beside the text model.</summary>
    public string Root { get; }

    public ModelShape Shape { get; }

    public WeightLoader Weights { get; }

    public ComputeContext Context => Weights.Context;

    public AttentionRows Rows { get; }

    public RotaryEmbedding Rotary { get; }

    /// <summary>Width of the residual stream.</summary>
    public int Hidden => Config.HiddenSize;

    /// <summary>An RMSNorm over the residual stream.</summary>
    public RmsNorm Norm(string name) => Weights.RmsNorm(name, Hidden, Config.Epsilon);

    /// <summary>A pre-norm layer whose norms have their usual names.</summary>
    public PreNormLayer Layer(int number, SequenceMixer mixer, FeedForward mlp) => new(
        Norm($"{Root}model.layers.{number}.input_layernorm"), mixer, Norm($"{Root}model.layers.{number}.post_attention_layernorm"), mlp);

    /// <summary>Self-attention whose projections have their usual names.</summary>
    /// <param name="number">The layer.</param>
    /// <param name="prepare">Norms and rotation.</param>
    /// <param name="bias">Whether q, k and v have biases.</param>
    /// <param name="outputBias">Whether the output projection has one.</param>
    /// <param name="reach">Which keys a query sees.</param>
    /// <param name="sinks">One more logit for each head.</param>
    public SelfAttention Attention(int number, HeadPreparation prepare, bool bias, bool outputBias, AttentionReach reach = default, float[]? sinks = null)
    {
        var prefix = $"{Root}model.layers.{number}.self_attn";
        return new SelfAttention(
            Rows,
            number,
            Weights.Linear($"{prefix}.q_proj", Config.QueryWidth, Hidden, bias),
            Weights.Linear($"{prefix}.k_proj", Config.KeyWidth, Hidden, bias),
            Weights.Linear($"{prefix}.v_proj", Config.KeyWidth, Hidden, bias),
            Weights.Linear($"{prefix}.o_proj", Hidden, Config.QueryWidth, outputBias),
            prepare)
        {
            Reach = reach,
            Sinks = sinks,
        };
    }

    /// <summary>Rotates queries and keys of one token, halves of each head against each other.</summary>
    public void Rotate(float* queries, float* keys, float* values, int position)
    {
        Rotary.RotateHeads(queries, Config.Heads, Config.HeadDim, position);
        Rotary.RotateHeads(keys, Config.KvHeads, Config.HeadDim, position);
    }

    /// <summary>The same, adjacent pairs of each head.</summary>
    public void RotatePairs(float* queries, float* keys, float* values, int position)
    {
        Rotary.RotatePairs(queries, Config.Heads, Config.HeadDim, position);
        Rotary.RotatePairs(keys, Config.KvHeads, Config.HeadDim, position);
    }

    /// <summary>Norms every head of queries and keys by itself.</summary>
    /// <param name="queryNorm">Name of the queries' norm [headDim].</param>
    /// <param name="keyNorm">Name of the keys' norm [headDim].</param>
    public HeadPreparation NormHeads(string queryNorm, string keyNorm)
    {
        var (ofQueries, ofKeys) = (Weights.RmsNorm(queryNorm, Config.HeadDim, Config.Epsilon), Weights.RmsNorm(keyNorm, Config.HeadDim, Config.Epsilon));
        return (queries, keys, _, _) =>
        {
            ofQueries.ApplyToHeads(queries, Config.Heads, Config.HeadDim);
            ofKeys.ApplyToHeads(keys, Config.KvHeads, Config.HeadDim);
        };
    }

    /// <summary>The same, then rotates.</summary>
    public HeadPreparation NormHeadsAndRotate(string queryNorm, string keyNorm)
    {
        var norm = NormHeads(queryNorm, keyNorm);
        return (queries, keys, values, position) =>
        {
            norm(queries, keys, values, position);
            Rotate(queries, keys, values, position);
        };
    }

    /// <summary>A router's projection [experts, hidden].</summary>
    /// <param name="tensor">Name of the projection's weight.</param>
    /// <param name="bias">Whether it has a bias.</param>
    public Linear Gate(string tensor, bool bias = false) => Weights.Router(tensor[..^".weight".Length], Shape.Experts, Hidden, bias);

    /// <summary>A dense MLP with its usual names.</summary>
    public DenseFeedForward Dense(string prefix, string widthKey = "intermediate_size") =>
        new(Mlp(prefix, Config.Width(widthKey)));

    /// <summary>The expert that every token goes through.</summary>
    /// <param name="prefix">Of its projections.</param>
    /// <param name="intermediate">Width.</param>
    /// <param name="gate">Weights [hidden] of the logit whose sigmoid multiplies its output; null for none.</param>
    public SharedExpert Shared(string prefix, int intermediate, float[]? gate = null) => Weights.Shared(Mlp(prefix, intermediate), gate);

    private GatedMlp Mlp(string prefix, int intermediate) => Weights.Mlp(prefix, intermediate, Hidden, Config.Activation);

    /// <summary>Names of gate, up and down that some families have.</summary>
    public static readonly (string Gate, string Up, string Down) NumberedProjections = ("w1", "w3", "w2");

    /// <summary>
    /// Where the weights of (MoE layer, expert) lie: as published, one tensor for each matrix, or as transformers has them in memory and may save them, all experts
    /// of a layer in two tensors.
    /// </summary>
    /// <param name="part">Module of a layer that has the experts.</param>
    /// <param name="projections">Names of an expert's matrices, where they are not the usual ones.</param>
    /// <param name="stacked">The module that has the two tensors, where it is another.</param>
    public Func<int, int, ExpertPlaces> Experts(string part, (string Gate, string Up, string Down)? projections = null, string? stacked = null)
    {
        var (gate, up, down) = projections ?? ("gate_proj", "up_proj", "down_proj");
        return (layer, expert) =>
        {
            var prefix = $"{Root}model.layers.{Shape.MoeLayers[layer]}";
            var stack = $"{prefix}.{stacked ?? part}";
            return Weights.Checkpoint.Has($"{stack}.gate_up_proj")
                ? StackedExperts.At($"{stack}.gate_up_proj", $"{stack}.down_proj", expert, Shape)
                : SeparateExperts.At($"{prefix}.{part}.{expert}", Shape, gate, up, down);
        };
    }

    /// <summary>A tensor's name: as published, or as newer versions of transformers call it where the checkpoint has that.</summary>
    public string Named(string published, string newer) => Weights.Checkpoint.Has(newer) ? newer : published;

    /// <summary>The experts of a layer behind their router.</summary>
    public SparseFeedForward Sparse(int layer, Router router, SharedExpert? shared = null) => new(router, Shape.BankOf(layer), shared);

    /// <summary>The whole decoder, its outer parts under their usual names.</summary>
    /// <param name="layer">Makes a layer.</param>
    /// <param name="experts">Where the weights of (MoE layer, expert) lie.</param>
    /// <param name="routers">The router's tensors of a layer.</param>
    /// <param name="finalNorm">Another norm than <c>model.norm</c>.</param>
    /// <param name="head">Another head than <c>lm_head</c> or the embedding.</param>
    public DecoderParts Parts(
        Func<int, DecoderLayer> layer, Func<int, int, ExpertPlaces> experts, Func<int, IReadOnlyList<string>> routers, RowNorm? finalNorm = null, Linear? head = null) => new()
        {
            Shape = Shape,
            Embedding = Weights.Embedding($"{Root}model.embed_tokens.weight", Config.VocabularySize, Hidden),
            Layers = [.. Enumerable.Range(0, Config.Layers).Select(layer)],
            FinalNorm = finalNorm ?? Norm($"{Root}model.norm"),
            Head = head ?? Weights.Head(Config, Root),
            Attention = Rows,
            Rotary = Rotary,
            KvPages = Rows.KvPages(Config.Layers),
            Experts = Weights.Checkpoint.ExpertPlaces(Shape, experts),
            Routers = routers,
            Function = new ExpertFunction(Config.Activation),
        };

    /// <summary>The decoder of such parts.</summary>
    public Decoder Build(DecoderParts parts) => new(Weights, parts);
}
