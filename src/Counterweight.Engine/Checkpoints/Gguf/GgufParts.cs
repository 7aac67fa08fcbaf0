using System.Globalization;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>Finds for every tensor of a file the tensors of the checkpoint that it stands for.</summary>
internal sealed unsafe class GgufParts
{
    private static readonly (string Name, int Projection)[] ExpertTensors = [("ffn_gate", 0), ("ffn_up", 1), ("ffn_down", 2)];

    private readonly GgufTensors _tensors;
    private readonly GgufArchitecture _architecture;
    private readonly ConfigReader _config;
    private readonly int _layers, _heads, _kvHeads;
    private readonly Dictionary<string, GgufPart> _parts = new(StringComparer.Ordinal);

    private GgufParts(GgufTensors tensors, GgufArchitecture architecture, ConfigReader config)
    {
        (_tensors, _architecture, _config) = (tensors, architecture, config);
        _layers = config.Int("num_hidden_layers", 1, 4096);
        _heads = config.Int("num_attention_heads", 1, 4096);
        _kvHeads = config.Int("num_key_value_heads", 1, _heads);
    }

    /// <summary>All parts by name.</summary>
    /// <exception cref="InvalidInputException">A tensor is not known, does not fit others, or two stand for the same.</exception>
    public static IReadOnlyDictionary<string, GgufPart> Find(GgufTensors tensors, GgufArchitecture architecture, ConfigReader config)
    {
        var parts = new GgufParts(tensors, architecture, config);
        foreach (var tensor in tensors.All)
            parts.AddTensor(tensor);
        return parts._parts;
    }

    private string[] Projections => [_architecture.Projections.Gate, _architecture.Projections.Up, _architecture.Projections.Down];

    private void AddTensor(GgufTensor tensor)
    {
        if (!GgufTensors.TrySplit(tensor.Name, out var layer, out var part))
            AddOuter(tensor);
        else if (layer < _layers && !AddExperts(tensor, layer, part) && !AddComposed(tensor, layer, part))
            AddNamed(tensor, $"model.layers.{layer}.{_architecture.NameOf(part) ?? throw Unknown(tensor)}", part);
    }

    /// <summary>What lies outside of the layers.</summary>
    private void AddOuter(GgufTensor tensor)
    {
        var name = tensor.Name switch
        {
            "token_embd.weight" => "model.embed_tokens.weight",
            "output_norm.weight" when _architecture.Name == "lfm2moe" => "model.embedding_norm.weight",
            "token_embd_norm.weight" when _architecture.Name == "lfm2moe" => "model.embedding_norm.weight",
            "output_norm.weight" => "model.norm.weight",
            "output_norm.bias" => "model.norm.bias",
            "output.weight" => "lm_head.weight",
            "output.bias" => "lm_head.bias",
            "rope_freqs.weight" or "rope_factors_short.weight" or "rope_factors_long.weight" => null, // the config has them
            _ => throw Unknown(tensor),
        };
        if (name is not null)
            Add(GgufPart.Of(name, tensor));
    }

    private void AddNamed(GgufTensor tensor, string name, string part)
    {
        if (_architecture.ReordersHeads && part is ("attn_q.weight" or "attn_q.bias" or "attn_k.weight" or "attn_k.bias"))
            Add(Halves(name, tensor, part.StartsWith("attn_q", StringComparison.Ordinal) ? _heads : _kvHeads));
        else
            Add(GgufPart.Of(name, tensor, ShapeOf(tensor, part)));
    }

    /// <summary>Shapes that converters squeeze.</summary>
    private long[]? ShapeOf(GgufTensor tensor, string part) => part switch
    {
        "ffn_gate_inp_shexp.weight" => [1, tensor.Elements],
        "exp_probs_b.bias" or "exp_probs_b" => _architecture.Name == "ernie4_5-moe" ? [1, tensor.Elements] : [tensor.Elements],
        "shortconv.conv.weight" => [tensor.Shape[0], 1, tensor.Shape[^1]],
        _ => null,
    };

    /// <summary>One matrix for each expert: a stretch of the tensor that has all of them, or as it is in older files.</summary>
    private bool AddExperts(GgufTensor tensor, int layer, string part)
    {
        var prefix = $"model.layers.{layer}.{_architecture.Experts}";
        foreach (var (name, projection) in ExpertTensors)
        {
            if (part == $"{name}_exps.weight")
            {
                AddStretches(tensor, prefix, [projection]);
                return true;
            }
            if (part.Split('.') is [var own, var number, "weight"] && own == name && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var expert))
            {
                Add(GgufPart.Of($"{prefix}.{expert}.{Projections[projection]}.weight", tensor));
                return true;
            }
        }
        if (part != "ffn_gate_up_exps.weight")
            return false;
        AddStretches(tensor, prefix, [0, 1]);
        return true;
    }

    /// <summary>[experts, rows of each projection, inputs] becomes a part for each expert and projection.</summary>
    private void AddStretches(GgufTensor tensor, string prefix, int[] projections)
    {
        var experts = _config.Int("num_experts", 1, 65536);
        if (tensor.Shape[0] != experts || tensor.Shape.Count != 3 || tensor.Shape[1] % projections.Length != 0)
            throw Refuse(tensor, $"shape {InputText.Shape<long>([.. tensor.Shape])}", $"one matrix for each of {experts} experts");
        long[] shape = [tensor.Shape[1] / projections.Length, tensor.Shape[2]];
        var elements = shape[0] * shape[1];
        for (var expert = 0; expert < experts; expert++)
            for (var p = 0; p < projections.Length; p++)
                Add(GgufPart.Of($"{prefix}.{expert}.{Projections[projections[p]]}.weight", tensor, shape, (expert * (long)projections.Length + p) * elements));
    }

    /// <summary>Tensors that the checkpoint has in one piece and the file in several, or the other way round.</summary>
    private bool AddComposed(GgufTensor tensor, int layer, string part)
    {
        var prefix = $"model.layers.{layer}";
        switch (part)
        {
            case "attn_qkv.weight" or "attn_qkv.bias":
                AddQueriesKeysValues(tensor, prefix, part["attn_qkv.".Length..]);
                return true;
            case "attn_k_b.weight":
                Add(GgufLatent.KeysAndValues($"{prefix}.self_attn.kv_b_proj.weight", tensor, Beside(tensor, layer, "attn_v_b.weight")));
                return true;
            case "attn_v_b.weight":
                Beside(tensor, layer, "attn_k_b.weight");
                return true;
            case "ffn_down_exps.bias" when _architecture.FusedExperts:
                Add(GgufPart.Of($"{prefix}.{_architecture.Experts}.down_proj_bias", tensor));
                return true;
            case "ffn_gate_exps.bias" when _architecture.FusedExperts:
                Add(Alternating($"{prefix}.{_architecture.Experts}.gate_up_proj_bias", tensor, Beside(tensor, layer, "ffn_up_exps.bias")));
                return true;
            case "ffn_up_exps.bias" when _architecture.FusedExperts:
                Beside(tensor, layer, "ffn_gate_exps.bias");
                return true;
            case "ffn_gate_shexp.weight" when _architecture.Name == "granitemoe":
                Add(Joined($"{prefix}.shared_mlp.input_linear.weight", tensor, Beside(tensor, layer, "ffn_up_shexp.weight")));
                return true;
            case "ffn_up_shexp.weight" when _architecture.Name == "granitemoe":
                Beside(tensor, layer, "ffn_gate_shexp.weight");
                return true;
            default:
                return false;
        }
    }

    private void AddQueriesKeysValues(GgufTensor tensor, string prefix, string kind)
    {
        var headDim = _config.Int("head_dim", 1, 65536);
        long[] rows = [(long)_heads * headDim, (long)_kvHeads * headDim, (long)_kvHeads * headDim];
        if (_architecture.ReordersHeads || tensor.Shape[0] != rows.Sum())
            throw Refuse(tensor, $"shape {InputText.Shape<long>([.. tensor.Shape])}", $"{rows.Sum()} rows: queries, keys and values");
        var width = tensor.Elements / tensor.Shape[0];
        var first = 0L;
        for (var i = 0; i < rows.Length; i++)
        {
            Add(GgufPart.Of($"{prefix}.self_attn.{"qkv"[i]}_proj.{kind}", tensor, [rows[i], .. tensor.Shape.Skip(1)], first * width));
            first += rows[i];
        }
    }

    /// <summary>Rows of each head in pairs (2j, 2j + 1) become rows j and j + half: pairs that rotate stand apart in the checkpoint.</summary>
    private static GgufPart Halves(string name, GgufTensor tensor, int heads)
    {
        var rows = tensor.Shape[0];
        if (rows % (2 * heads) != 0)
            throw Refuse(tensor, $"{rows} rows", $"an even number for each of {heads} heads");
        var rowBytes = tensor.Bytes / rows;
        var half = rows / heads / 2;
        var memory = new MadeMemory(tensor.File, tensor.Bytes, target =>
        {
            for (var row = 0L; row < rows; row++)
            {
                var (head, within) = (row / (2 * half), row % (2 * half));
                var source = head * 2 * half + within % half * 2 + within / half;
                Buffer.MemoryCopy(tensor.Pointer + source * rowBytes, target + row * rowBytes, rowBytes, rowBytes);
            }
        });
        return new GgufPart(name, tensor.Type, [.. tensor.Shape], memory, 0);
    }

    /// <summary>The rows of one matrix, then those of another.</summary>
    private static GgufPart Joined(string name, GgufTensor first, GgufTensor second)
    {
        if (first.Type != second.Type || first.Shape[^1] != second.Shape[^1])
            throw Refuse(second, $"{second.Type.Name} {InputText.Shape<long>([.. second.Shape])}", $"{first.Type.Name} with rows of {first.Shape[^1]}, as {first.Name} has");
        var memory = new MadeMemory(first.File, first.Bytes + second.Bytes, target =>
        {
            Buffer.MemoryCopy(first.Pointer, target, first.Bytes, first.Bytes);
            Buffer.MemoryCopy(second.Pointer, target + first.Bytes, second.Bytes, second.Bytes);
        });
        return new GgufPart(name, first.Type, [first.Shape[0] + second.Shape[0], first.Shape[^1]], memory, 0);
    }

    /// <summary>[n, 2 · width] of which even columns come from one tensor and odd ones from the other.</summary>
    private static GgufPart Alternating(string name, GgufTensor even, GgufTensor odd)
    {
        if (even.Type.Name != "F32" || odd.Type != even.Type || !even.Shape.SequenceEqual(odd.Shape))
            throw Refuse(odd, $"{odd.Type.Name} {InputText.Shape<long>([.. odd.Shape])}", $"F32 {InputText.Shape<long>([.. even.Shape])}, as {even.Name} has");
        var memory = new MadeMemory(even.File, even.Bytes + odd.Bytes, target =>
        {
            for (var i = 0L; i < even.Elements; i++)
                (((float*)target)[2 * i], ((float*)target)[2 * i + 1]) = (((float*)even.Pointer)[i], ((float*)odd.Pointer)[i]);
        });
        return new GgufPart(name, even.Type, [.. even.Shape.SkipLast(1), 2 * even.Shape[^1]], memory, 0);
    }

    private GgufTensor Beside(GgufTensor tensor, int layer, string part) =>
        _tensors.Find($"blk.{layer}.{part}") ?? throw Refuse(tensor, "no other part", $"tensor blk.{layer}.{part} beside it");

    private void Add(GgufPart part)
    {
        if (!_parts.TryAdd(part.Name, part))
            throw new InvalidInputException(_tensors.File, $"two tensors for {InputText.Quoted(part.Name)}", "one");
    }

    private InvalidInputException Unknown(GgufTensor tensor) =>
        Refuse(tensor, "a tensor that is not known", $"those of {_architecture.Name}: what it stands for is not supported");

    private static InvalidInputException Refuse(GgufTensor tensor, string found, string expected) =>
        new($"{tensor.File}, tensor {InputText.Quoted(tensor.Name)}", found, expected);
}
