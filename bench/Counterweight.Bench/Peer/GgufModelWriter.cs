using System.Runtime.InteropServices;
using System.Text.Json;

namespace Counterweight.Bench.Peer;

/// <summary>Writes a model with given or random weights, and the bundled model's tokenizer, as a GGUF file that both engines read.</summary>
internal sealed class GgufModelWriter
{
    private const int Alignment = 32;
    private const uint TypeF32 = 0;
    private const int NormalToken = 1, ControlToken = 3, UnusedToken = 5;

    private readonly PeerModel _model;
    private readonly BlockFormat _format;
    private readonly Func<string, float[]>? _weights;
    private readonly List<(string Name, long[] Shape, double Deviation, bool Blocks)> _tensors = [];

    /// <param name="model">Sizes.</param>
    /// <param name="format">What matrices are stored as.</param>
    /// <param name="weights">The values of a tensor by its GGUF name, the fastest dimension last; null for random ones.</param>
    public GgufModelWriter(PeerModel model, BlockFormat format, Func<string, float[]>? weights = null)
    {
        (_model, _format, _weights) = (model, format, weights);
        AddTensors();
    }

    /// <summary>Writes to a temporary name and renames.</summary>
    /// <param name="file">The GGUF file.</param>
    /// <param name="tokenizer">A byte-level BPE <c>tokenizer.json</c> whose vocabulary is not larger than the model's.</param>
    public void Write(string file, string tokenizer)
    {
        var partial = file + ".partial";
        using (var stream = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
        using (var writer = new BinaryWriter(stream))
        {
            WriteHeader(writer, tokenizer);
            if (_weights is null)
                WriteRandomWeights(writer);
            else
                WriteWeights(writer, _weights);
        }
        File.Move(partial, file, overwrite: true);
    }

    // Shapes are [inputs, outputs, …]: GGUF counts from the fastest dimension.
    private void AddTensors()
    {
        var (h, m) = (_model.Hidden, _model);
        Add("token_embd.weight", 1, h, m.Vocabulary);
        Add("output_norm.weight", 0, h);
        Add("output.weight", 1 / Math.Sqrt(h), h, m.Vocabulary);
        for (var l = 0; l < m.Layers; l++)
        {
            var (q, kv) = (m.Heads * m.HeadWidth, m.KvHeads * m.HeadWidth);
            Add($"blk.{l}.attn_norm.weight", 0, h);
            Add($"blk.{l}.attn_q.weight", 1 / Math.Sqrt(h), h, q);
            Add($"blk.{l}.attn_k.weight", 1 / Math.Sqrt(h), h, kv);
            Add($"blk.{l}.attn_v.weight", 1 / Math.Sqrt(h), h, kv);
            Add($"blk.{l}.attn_output.weight", 1 / Math.Sqrt(q), q, h);
            if (m.Architecture == "qwen3moe")
            {
                Add($"blk.{l}.attn_q_norm.weight", 0, m.HeadWidth);
                Add($"blk.{l}.attn_k_norm.weight", 0, m.HeadWidth);
            }
            Add($"blk.{l}.ffn_norm.weight", 0, h);
            AddRouter(l);
            AddMlp(l, "exps", m.ExpertWidth, m.Experts);
            if (m.SharedExperts > 0)
                AddMlp(l, "shexp", m.ExpertWidth * m.SharedExperts, 1);
        }
    }

    private void AddRouter(int layer) =>
        _tensors.Add(($"blk.{layer}.ffn_gate_inp.weight", [_model.Hidden, _model.Experts], 2 / Math.Sqrt(_model.Hidden), false));

    private void AddMlp(int layer, string suffix, int width, int copies)
    {
        long[] stack = copies > 1 ? [copies] : [];
        _tensors.Add(($"blk.{layer}.ffn_gate_{suffix}.weight", [_model.Hidden, width, .. stack], 1 / Math.Sqrt(_model.Hidden), true));
        _tensors.Add(($"blk.{layer}.ffn_up_{suffix}.weight", [_model.Hidden, width, .. stack], 1 / Math.Sqrt(_model.Hidden), true));
        _tensors.Add(($"blk.{layer}.ffn_down_{suffix}.weight", [width, _model.Hidden, .. stack], 1 / Math.Sqrt(width), true));
    }

    /// <summary>A matrix of random weights, or a norm's vector of ones.</summary>
    private void Add(string name, double deviation, params long[] shape) => _tensors.Add((name, shape, deviation, shape.Length > 1));

    private void WriteHeader(BinaryWriter writer, string tokenizer)
    {
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)_tensors.Count);
        var metadata = new GgufMetadata();
        AddSizes(metadata);
        AddTokenizer(metadata, tokenizer);
        metadata.WriteTo(writer);
        long offset = 0;
        foreach (var (name, shape, _, blocks) in _tensors)
        {
            GgufMetadata.WriteString(writer, name);
            writer.Write((uint)shape.Length);
            foreach (var length in shape)
                writer.Write((ulong)length);
            writer.Write(blocks ? _format.TypeId : TypeF32);
            writer.Write((ulong)offset);
            offset += Aligned(Bytes(shape, blocks));
        }
        Pad(writer);
    }

    private void AddSizes(GgufMetadata metadata)
    {
        var (a, m) = (_model.Architecture, _model);
        metadata.Add("general.architecture", a);
        metadata.Add("general.name", m.Name);
        metadata.Add("general.file_type", _format.FileType);
        metadata.Add("general.quantization_version", 2u);
        metadata.Add($"{a}.block_count", (uint)m.Layers);
        metadata.Add($"{a}.context_length", (uint)PeerModel.ContextLength);
        metadata.Add($"{a}.embedding_length", (uint)m.Hidden);
        metadata.Add($"{a}.feed_forward_length", (uint)(m.ExpertWidth * m.TopK));
        metadata.Add($"{a}.attention.head_count", (uint)m.Heads);
        metadata.Add($"{a}.attention.head_count_kv", (uint)m.KvHeads);
        metadata.Add($"{a}.attention.key_length", (uint)m.HeadWidth);
        metadata.Add($"{a}.attention.value_length", (uint)m.HeadWidth);
        metadata.Add($"{a}.attention.layer_norm_rms_epsilon", 1e-6f);
        metadata.Add($"{a}.rope.freq_base", 10000f);
        metadata.Add($"{a}.rope.dimension_count", (uint)m.HeadWidth);
        metadata.Add($"{a}.expert_count", (uint)m.Experts);
        metadata.Add($"{a}.expert_used_count", (uint)m.TopK);
        metadata.Add($"{a}.expert_feed_forward_length", (uint)m.ExpertWidth);
        metadata.Add($"{a}.vocab_size", (uint)m.Vocabulary);
        if (m.SharedExperts == 0)
            return;
        metadata.Add($"{a}.expert_shared_count", (uint)m.SharedExperts);
        metadata.Add($"{a}.leading_dense_block_count", 0u);
        metadata.Add($"{a}.expert_weights_scale", 1f);
    }

    private void AddTokenizer(GgufMetadata metadata, string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        var tokens = Enumerable.Range(0, _model.Vocabulary).Select(id => $"<unused {id}>").ToArray();
        var types = Enumerable.Repeat(UnusedToken, tokens.Length).ToArray();
        var model = document.RootElement.GetProperty("model");
        foreach (var token in model.GetProperty("vocab").EnumerateObject())
            (tokens[token.Value.GetInt32()], types[token.Value.GetInt32()]) = (token.Name, NormalToken);
        foreach (var token in document.RootElement.GetProperty("added_tokens").EnumerateArray())
        {
            var id = token.GetProperty("id").GetInt32();
            (tokens[id], types[id]) = (token.GetProperty("content").GetString()!, ControlToken);
        }
        metadata.Add("tokenizer.ggml.model", "gpt2");
        metadata.Add("tokenizer.ggml.pre", "qwen2");
        metadata.Add("tokenizer.ggml.tokens", tokens);
        metadata.Add("tokenizer.ggml.token_type", types);
        metadata.Add("tokenizer.ggml.merges", [.. model.GetProperty("merges").EnumerateArray().Select(Merge)]);
        metadata.Add("tokenizer.ggml.eos_token_id", 0u);
        metadata.Add("tokenizer.ggml.add_bos_token", false);
    }

    private static string Merge(JsonElement merge) =>
        merge.ValueKind == JsonValueKind.String ? merge.GetString()! : string.Join(' ', merge.EnumerateArray().Select(part => part.GetString()));

    private void WriteWeights(BinaryWriter writer, Func<string, float[]> weights)
    {
        foreach (var (name, _, _, blocks) in _tensors)
        {
            var values = weights(name);
            writer.Write(blocks ? _format.Encode(values) : MemoryMarshal.AsBytes(values.AsSpan()));
            Pad(writer);
        }
    }

    private void WriteRandomWeights(BinaryWriter writer)
    {
        var random = new Random(1);
        var buffer = new byte[_format.BlockBytes * (1 << 16)];
        foreach (var (_, shape, deviation, blocks) in _tensors)
        {
            for (var left = Bytes(shape, blocks); left > 0; left -= Math.Min(left, buffer.Length))
            {
                var part = buffer.AsSpan(0, (int)Math.Min(left, buffer.Length));
                if (blocks)
                    _format.Fill(part, random, deviation);
                else
                    FillFloats(MemoryMarshal.Cast<byte, float>(part), random, deviation);
                writer.Write(part);
            }
            Pad(writer);
        }
    }

    private static void FillFloats(Span<float> values, Random random, double deviation)
    {
        foreach (ref var value in values)
            value = deviation == 0 ? 1f : (float)((random.NextDouble() * 2 - 1) * Math.Sqrt(3) * deviation);
    }

    private long Bytes(long[] shape, bool blocks)
    {
        var weights = shape.Aggregate(1L, (product, length) => product * length);
        return blocks ? _format.BytesOf(weights) : weights * sizeof(float);
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static void Pad(BinaryWriter writer)
    {
        writer.Flush();
        for (var at = writer.BaseStream.Position; at % Alignment != 0; at++)
            writer.Write((byte)0);
        writer.Flush();
    }
}
