using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>
/// Switch Transformer (Fedus et al. 2022, "Switch Transformers: Scaling to Trillion Parameter Models with Simple and Efficient Sparsity"): a T5 encoder-decoder
/// (Raffel et al. 2020) in which some MLPs are experts of two matrices; each token goes to one of them, and to none where that one is full. Layers are numbered
/// through, the decoder's after the encoder's.
/// </summary>
internal sealed unsafe class SwitchTransformers
{
    private readonly SwitchConfig _config;
    private readonly ModelShape _shape;
    private readonly WeightLoader _weights;
    private readonly ExpertFunction _function;

    private SwitchTransformers(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        _config = new SwitchConfig(file);
        _shape = _config.Shape();
        _weights = new WeightLoader(checkpoint, context);
        _function = new ExpertFunction(_config.Activation);
    }

    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context) => new SwitchTransformers(checkpoint, file, context).Build();

    private Decoder Build()
    {
        var (encoderRows, rows) = (Rows(), Rows());
        var encoderBias = Bias("encoder");
        var decoderBias = Bias("decoder");
        CrossAttention[] readers = [.. Enumerable.Range(0, _config.DecoderLayers).Select(l => Reader(l, rows))];
        return new Decoder(_weights, new DecoderParts
        {
            Shape = _shape,
            Embedding = Embedding("decoder"),
            Layers = [.. readers.Select((reader, l) => DecoderLayer(l, rows, decoderBias, reader))],
            FinalNorm = Norm("decoder.final_layer_norm"),
            Head = _weights.Linear(_config.TiedEmbeddings ? "shared" : "lm_head", _shape.Vocabulary, _config.Hidden, bias: false), // [vocabulary, hidden]
            LogitsDivisor = _config.TiedEmbeddings ? MathF.Sqrt(_config.Hidden) : 1,
            Attention = rows,
            Encoder = new Encoder
            {
                Embedding = Embedding("encoder"),
                Layers = [.. Enumerable.Range(0, _config.EncoderLayers).Select(l => EncoderLayer(l, encoderRows, encoderBias))],
                FinalNorm = Norm("encoder.final_layer_norm"),
                Attention = encoderRows,
                Readers = readers,
            },
            KvPages = rows.KvPages(_config.DecoderLayers, _config.SparseDecoderLayers.Length, 1),
            SourcePages = encoderRows.KvPages(_config.DecoderLayers),
            Experts = (layer, expert) => Expert($"{Mlp(_shape.MoeLayers[layer])}.experts.expert_{expert}"),
            Routers = layer => [.. Router(layer)],
            Function = _function,
        });
    }

    private AttentionRows Rows() => new(_weights.Context, _config.Heads, _config.Heads, _config.HeadDim, scale: 1);

    /// <summary>[buckets, heads], with the first layer's weights and shared by all layers of the stack.</summary>
    private RelativeBias Bias(string stack) => new(
        _weights.Vector($"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight", _config.Buckets, _config.Heads),
        _config.Heads,
        _config.MaxDistance,
        bothWays: stack == "encoder");

    /// <summary>[vocabulary, hidden]; untied stacks may have tables of their own.</summary>
    private Embedding Embedding(string stack)
    {
        var own = $"{stack}.embed_tokens.weight";
        return _weights.Embedding(!_config.TiedEmbeddings && _weights.Checkpoint.TryGet(own, out _) ? own : "shared.weight", _shape.Vocabulary, _config.Hidden);
    }

    private RmsNorm Norm(string name) => _weights.RmsNorm(name, _config.Hidden, _config.Epsilon);

    private PreNormLayer EncoderLayer(int layer, AttentionRows rows, RelativeBias bias)
    {
        var prefix = $"encoder.block.{layer}";
        return new PreNormLayer(
            Norm($"{prefix}.layer.0.layer_norm"),
            Attention($"{prefix}.layer.0.SelfAttention", rows, place: 0, bias, AttentionReach.Everything),
            Norm($"{prefix}.layer.1.layer_norm"),
            FeedForward(layer, new ExpertCapacity(_config.Capacity, _shape.Experts, history: null)));
    }

    private ReadingLayer DecoderLayer(int layer, AttentionRows rows, RelativeBias bias, CrossAttention reader)
    {
        var prefix = $"decoder.block.{layer}";
        return new ReadingLayer(
            Norm($"{prefix}.layer.0.layer_norm"),
            Attention($"{prefix}.layer.0.SelfAttention", rows, layer, bias, AttentionReach.Full),
            Norm($"{prefix}.layer.1.layer_norm"),
            reader,
            Norm($"{prefix}.layer.2.layer_norm"),
            FeedForward(_config.EncoderLayers + layer, new ExpertCapacity(_config.Capacity, _shape.Experts, Array.IndexOf(_config.SparseDecoderLayers, layer))));
    }

    /// <summary>q, k and v are [heads · headDim, hidden], o is [hidden, heads · headDim]; scores are not scaled.</summary>
    private SelfAttention Attention(string prefix, AttentionRows rows, int place, RelativeBias bias, AttentionReach reach) => new(
        rows,
        place,
        Projection($"{prefix}.q"),
        Projection($"{prefix}.k"),
        Projection($"{prefix}.v"),
        _weights.Linear($"{prefix}.o", _config.Hidden, _config.Heads * _config.HeadDim, bias: false),
        AttentionRows.AsTheyAre)
    {
        Reach = reach,
        Bias = bias,
    };

    private CrossAttention Reader(int layer, AttentionRows rows)
    {
        var prefix = $"decoder.block.{layer}.layer.1.EncDecAttention";
        return new CrossAttention(
            rows,
            layer,
            Projection($"{prefix}.q"),
            Projection($"{prefix}.k"),
            Projection($"{prefix}.v"),
            _weights.Linear($"{prefix}.o", _config.Hidden, _config.Heads * _config.HeadDim, bias: false));
    }

    private Linear Projection(string name) => _weights.Linear(name, _config.Heads * _config.HeadDim, _config.Hidden, bias: false);

    private string Mlp(int layer) => layer < _config.EncoderLayers
        ? $"encoder.block.{layer}.layer.1.mlp"
        : $"decoder.block.{layer - _config.EncoderLayers}.layer.2.mlp";

    private FeedForward FeedForward(int layer, ExpertCapacity capacity)
    {
        var prefix = Mlp(layer);
        if (!_shape.MoeLayers.Contains(layer))
            return new PlainFeedForward(
                _weights.Context,
                _weights.Linear($"{prefix}.wi", _shape.ExpertIntermediate, _config.Hidden, bias: false),
                _weights.Linear($"{prefix}.wo", _config.Hidden, _shape.ExpertIntermediate, bias: false),
                _config.Activation,
                _weights.Scratch);
        var gate = _weights.Router($"{prefix}.router.classifier", _shape.Experts, _config.Hidden, _config.RouterBias);
        return new SparseFeedForward(new TopKRouter(_weights.Context, gate, 1, renormalise: false), _shape.BankOf(layer)) { Capacity = capacity };
    }

    /// <summary>wi is [intermediate, hidden], wo is [hidden, intermediate].</summary>
    private ExpertPlaces Expert(string prefix) => new(
        Gate: null,
        WeightPlace.Whole($"{prefix}.wi.weight", _shape.ExpertIntermediate, _config.Hidden),
        WeightPlace.Whole($"{prefix}.wo.weight", _config.Hidden, _shape.ExpertIntermediate));

    private IEnumerable<string> Router(int layer)
    {
        yield return $"{Mlp(layer)}.router.classifier.weight";
        if (_config.RouterBias)
            yield return $"{Mlp(layer)}.router.classifier.bias";
    }
}
