using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Qwen3-MoE (Yang et al. 2025, "Qwen3 Technical Report"): pre-norm decoder, per-head q/k norm, softmax top-k router without shared experts.</summary>
public sealed unsafe class Qwen3Moe : MoeModel
{
    private readonly Qwen3MoeConfig _config;
    private readonly Embedding _embedding;     // [vocabulary, hidden]
    private readonly Layer[] _layers;
    private readonly float[] _finalNorm;       // [hidden]
    private readonly Linear _head;             // [vocabulary, hidden]
    private readonly RotaryEmbedding _rotary;
    private readonly Attention _attention;

    private readonly FloatBuffer _residual = new();  // [rows, hidden]
    private readonly FloatBuffer _normed = new();    // [rows, hidden]
    private readonly FloatBuffer _queries = new();   // [rows, heads, headDim]
    private readonly FloatBuffer _keys = new();      // [rows, kvHeads, headDim]
    private readonly FloatBuffer _values = new();    // [rows, kvHeads, headDim]
    private readonly FloatBuffer _attended = new();  // [rows, heads, headDim]
    private readonly FloatBuffer _output = new();    // [rows, hidden], what a block adds
    private readonly RowWork _embed, _attentionNorm, _rotateAndStore, _addAndMlpNorm, _add, _finalNormRows;
    private int[] _sequenceOfRow = [];
    private Batch _batch = new();
    private int _layer;

    private Qwen3Moe(ComputeContext context, Qwen3MoeConfig config, ModelShape shape, WeightLoader weights) : base(context, shape)
    {
        _config = config;
        _embedding = weights.Embedding("model.embed_tokens.weight", config.VocabularySize, config.HiddenSize);
        _layers = [.. Enumerable.Range(0, config.Layers).Select(l => new Layer(l, config, weights))];
        _finalNorm = weights.Vector("model.norm.weight", config.HiddenSize);
        _head = weights.Linear(config.TiedEmbeddings ? "model.embed_tokens" : "lm_head", config.VocabularySize, config.HiddenSize, bias: false);
        _rotary = new RotaryEmbedding(config.Rotary);
        _attention = new Attention(context, config.Heads, config.KvHeads, config.HeadDim, 1f / MathF.Sqrt(config.HeadDim));
        OriginalExperts = BalancedExperts.AreIn(weights.Checkpoint)
            ? new BalancedExperts(weights.Checkpoint, shape)
            : new CheckpointExperts(weights.Checkpoint, shape, ExpertTensors);
        Fingerprint = ModelFingerprints.Of(shape, [.. config.MoeLayers.Select(l => weights.Checkpoint.Get($"model.layers.{l}.mlp.gate.weight"))]);
        DenseBytes = weights.BytesLoaded;

        _embed = new RowWork(context.Pool, Embed);
        _attentionNorm = new RowWork(context.Pool, NormForAttention);
        _rotateAndStore = new RowWork(context.Pool, RotateAndStore);
        _addAndMlpNorm = new RowWork(context.Pool, AddAttentionAndNorm);
        _add = new RowWork(context.Pool, AddOutput);
        _finalNormRows = new RowWork(context.Pool, NormFinally);
    }

    /// <summary>Reads config and weights; experts are loaded as the checkpoint has them.</summary>
    public static Qwen3Moe Load(Checkpoint checkpoint, ConfigReader configFile, ComputeContext context)
    {
        var config = Qwen3MoeConfig.Read(configFile);
        var shape = new ModelShape(
            "qwen3_moe", config.HiddenSize, config.MoeIntermediateSize, config.Layers, config.MoeLayers, config.Experts, config.TopK,
            config.VocabularySize, config.MaxPositions, config.BosToken, config.EosTokens);
        return new Qwen3Moe(context, config, shape, new WeightLoader(checkpoint, context));
    }

    /// <inheritdoc/>
    public override IExpertSource OriginalExperts { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ExpertTensors(int layer, int expert)
    {
        var prefix = $"model.layers.{_config.MoeLayers[layer]}.mlp.experts.{expert}";
        return [$"{prefix}.gate_proj.weight", $"{prefix}.up_proj.weight", $"{prefix}.down_proj.weight"];
    }

    /// <inheritdoc/>
    public override ModelFingerprint Fingerprint { get; }

    /// <inheritdoc/>
    public override long DenseBytes { get; }

    /// <inheritdoc/>
    public override KvSequence NewSequence() => new(_config.Layers, _config.KvHeads, _config.HeadDim);

    /// <inheritdoc/>
    public override void Forward(Batch batch, IForwardTrace? trace = null)
    {
        Begin(batch);
        var rows = batch.Rows;
        var heads = _config.Heads * _config.HeadDim;
        var kvHeads = _config.KvHeads * _config.HeadDim;
        var hidden = _config.HiddenSize;

        _embed.Run(rows);
        for (_layer = 0; _layer < _layers.Length; _layer++)
        {
            var layer = _layers[_layer];
            _attentionNorm.Run(rows);
            layer.Query.Forward(_normed.Pointer, rows, hidden, _queries.Pointer, heads);
            layer.Key.Forward(_normed.Pointer, rows, hidden, _keys.Pointer, kvHeads);
            layer.Value.Forward(_normed.Pointer, rows, hidden, _values.Pointer, kvHeads);
            _rotateAndStore.Run(rows);
            _attention.Forward(_layer, _queries.Pointer, _attended.Pointer);
            layer.Output.Forward(_attended.Pointer, rows, heads, _output.Pointer, hidden);

            _addAndMlpNorm.Run(rows);
            if (layer.Dense is not null)
                layer.Dense.Forward(_normed.Pointer, rows, _output.Pointer);
            else
                RouteAndRun(layer, rows, trace);
            _add.Run(rows);
            trace?.Hidden(_layer, new ReadOnlySpan<float>(_residual.Pointer, rows * hidden));
        }
        _finalNormRows.Run(rows);
        for (var s = 0; s < batch.Sequences; s++)
            batch[s].Cache.Advance(batch[s].Rows);
    }

    /// <inheritdoc/>
    public override void Logits(int firstRow, int rows, float* logits) =>
        _head.Forward(_normed.Pointer + (long)firstRow * _config.HiddenSize, rows, _config.HiddenSize, logits, _config.VocabularySize);

    /// <inheritdoc/>
    public override void LogitsOnThisThread(int firstRow, int rows, float* logits) =>
        Context.Kernel.Multiply(
            _head.Weights, 0, _head.Weights.Panels, _normed.Pointer + (long)firstRow * _config.HiddenSize, rows, _config.HiddenSize, logits, _config.VocabularySize);

    private void Begin(Batch batch)
    {
        _batch = batch;
        var rows = batch.Rows;
        if (_sequenceOfRow.Length < rows)
            _sequenceOfRow = new int[Math.Max(rows, _sequenceOfRow.Length * 2)];
        for (var s = 0; s < batch.Sequences; s++)
        {
            var (cache, first, count) = batch[s];
            cache.Reserve(cache.Length + count);
            _rotary.Reserve(cache.Length + count);
            _sequenceOfRow.AsSpan(first, count).Fill(s);
        }
        foreach (var buffer in (ReadOnlySpan<FloatBuffer>)[_residual, _normed, _output])
            buffer.Reserve((long)rows * _config.HiddenSize);
        foreach (var buffer in (ReadOnlySpan<FloatBuffer>)[_queries, _attended])
            buffer.Reserve((long)rows * _config.Heads * _config.HeadDim);
        foreach (var buffer in (ReadOnlySpan<FloatBuffer>)[_keys, _values])
            buffer.Reserve((long)rows * _config.KvHeads * _config.HeadDim);
        _attention.Begin(batch);
    }

    private void RouteAndRun(Layer layer, int rows, IForwardTrace? trace)
    {
        var router = layer.Router!;
        router.Score(_normed.Pointer, rows);
        trace?.RouterLogits(_layer, new ReadOnlySpan<float>(router.Logits, rows * _config.Experts));
        router.Choose(rows);
        trace?.RouterChoices(_layer, router.Ids[..(rows * _config.TopK)], new ReadOnlySpan<float>(router.Weights, rows * _config.TopK));
        Banks[layer.MoeIndex].Forward(_normed.Pointer, rows, router.Ids, router.Weights, _output.Pointer, _batch.IsDecode);
    }

    private void Embed(int begin, int end)
    {
        for (var row = begin; row < end; row++)
            _embedding.Lookup(_batch.Tokens[row], new Span<float>(Residual(row), _config.HiddenSize));
    }

    private void NormForAttention(int begin, int end)
    {
        for (var row = begin; row < end; row++)
            VectorMath.RmsNorm(Residual(row), _layers[_layer].AttentionNorm, _config.Epsilon, Normed(row));
    }

    private void RotateAndStore(int begin, int end)
    {
        var layer = _layers[_layer];
        var dim = _config.HeadDim;
        Span<float> scratch = stackalloc float[dim];
        for (var row = begin; row < end; row++)
        {
            var position = _batch.Positions[row];
            for (var head = 0; head < _config.Heads; head++)
                NormAndRotate(_queries.Pointer + ((long)row * _config.Heads + head) * dim, layer.QueryNorm, position, scratch);
            var cache = _batch[_sequenceOfRow[row]].Cache;
            for (var head = 0; head < _config.KvHeads; head++)
            {
                var offset = ((long)row * _config.KvHeads + head) * dim;
                NormAndRotate(_keys.Pointer + offset, layer.KeyNorm, position, scratch);
                cache.Store(_layer, head, position, _keys.Pointer + offset, _values.Pointer + offset);
            }
        }
    }

    private void NormAndRotate(float* head, float[] norm, int position, Span<float> scratch)
    {
        VectorMath.RmsNorm(head, norm, _config.Epsilon, head);
        _rotary.Rotate(head, position, scratch);
    }

    private void AddAttentionAndNorm(int begin, int end)
    {
        AddOutput(begin, end);
        for (var row = begin; row < end; row++)
            VectorMath.RmsNorm(Residual(row), _layers[_layer].MlpNorm, _config.Epsilon, Normed(row));
    }

    private void AddOutput(int begin, int end) =>
        VectorMath.Add(Residual(begin), new ReadOnlySpan<float>(_output.Pointer + (long)begin * _config.HiddenSize, (end - begin) * _config.HiddenSize));

    private void NormFinally(int begin, int end)
    {
        for (var row = begin; row < end; row++)
            VectorMath.RmsNorm(Residual(row), _finalNorm, _config.Epsilon, Normed(row));
    }

    private float* Residual(int row) => _residual.Pointer + (long)row * _config.HiddenSize;

    private float* Normed(int row) => _normed.Pointer + (long)row * _config.HiddenSize;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        foreach (var layer in _layers)
            layer.Dispose();
        _head.Dispose();
        _attention.Dispose();
        foreach (var buffer in (ReadOnlySpan<FloatBuffer>)[_residual, _normed, _queries, _keys, _values, _attended, _output])
            buffer.Dispose();
    }

    /// <summary>The weights of a decoder layer but its experts.</summary>
    private sealed class Layer : IDisposable
    {
        public Layer(int number, Qwen3MoeConfig config, WeightLoader weights)
        {
            var prefix = $"model.layers.{number}";
            var hidden = config.HiddenSize;
            var heads = config.Heads * config.HeadDim;
            var kvHeads = config.KvHeads * config.HeadDim;
            AttentionNorm = weights.Vector($"{prefix}.input_layernorm.weight", hidden);
            Query = weights.Linear($"{prefix}.self_attn.q_proj", heads, hidden, config.AttentionBias);
            Key = weights.Linear($"{prefix}.self_attn.k_proj", kvHeads, hidden, config.AttentionBias);
            Value = weights.Linear($"{prefix}.self_attn.v_proj", kvHeads, hidden, config.AttentionBias);
            QueryNorm = weights.Vector($"{prefix}.self_attn.q_norm.weight", config.HeadDim);
            KeyNorm = weights.Vector($"{prefix}.self_attn.k_norm.weight", config.HeadDim);
            Output = weights.Linear($"{prefix}.self_attn.o_proj", hidden, heads, config.AttentionBias);
            MlpNorm = weights.Vector($"{prefix}.post_attention_layernorm.weight", hidden);
            MoeIndex = config.MoeLayers.ToList().IndexOf(number);
            if (MoeIndex >= 0)
                Router = new TopKRouter(weights.Context, weights.Linear($"{prefix}.mlp.gate", config.Experts, hidden, bias: false), config.TopK, config.NormTopKProb);
            else
                Dense = new GatedMlp(
                    weights.Context,
                    weights.Linear($"{prefix}.mlp.gate_proj", config.IntermediateSize, hidden, bias: false),
                    weights.Linear($"{prefix}.mlp.up_proj", config.IntermediateSize, hidden, bias: false),
                    weights.Linear($"{prefix}.mlp.down_proj", hidden, config.IntermediateSize, bias: false));
        }

        public float[] AttentionNorm { get; } // [hidden]
        public Linear Query { get; }          // [heads · headDim, hidden]
        public Linear Key { get; }            // [kvHeads · headDim, hidden]
        public Linear Value { get; }          // [kvHeads · headDim, hidden]
        public float[] QueryNorm { get; }     // [headDim]
        public float[] KeyNorm { get; }       // [headDim]
        public Linear Output { get; }         // [hidden, heads · headDim]
        public float[] MlpNorm { get; }       // [hidden]
        public int MoeIndex { get; }          // MoE layers before this one, or -1
        public TopKRouter? Router { get; }    // [experts, hidden]
        public GatedMlp? Dense { get; }

        public void Dispose()
        {
            Query.Dispose();
            Key.Dispose();
            Value.Dispose();
            Output.Dispose();
            Router?.Dispose();
            Dense?.Dispose();
        }
    }
}
