using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Counterweight.Engine.Checkpoints;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>A matrix as a method stores it: the tensors that take the place of <c>module.weight</c>, and what they stand for.</summary>
internal sealed record QuantizedModule(IReadOnlyList<TensorToWrite> Tensors, float[] Values);

/// <summary>A way to quantize, spelled out plainly: no code of the engine is used.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Settings">What <c>quantization_config</c> says.</param>
/// <param name="Fits">Whether a matrix of so many outputs and inputs can be stored so.</param>
/// <param name="Quantize">(module, outputs, inputs, weights) → tensors.</param>
internal sealed record QuantizationMethod(
    string Name, string Settings, Func<int, int, bool> Fits, Func<string, int, int, float[], QuantizedModule> Quantize)
{
    public override string ToString() => Name;
}

/// <summary>Writes a checkpoint twice: quantized, and in fp32 with the values that the codes stand for.</summary>
internal static class QuantizedCopy
{
    private static readonly string[] Kept = ["model.embed_tokens", "lm_head", "gate", "gate.wg", "router", "shared_expert_gate"];

    public static void Write(string source, QuantizationMethod method, string quantized, string widened)
    {
        using var checkpoint = Checkpoint.Open(source);
        List<TensorToWrite> codes = [], values = [];
        foreach (var name in checkpoint.TensorNames)
        {
            var tensor = checkpoint.Get(name);
            if (Module(name, tensor) is { } module && method.Fits((int)tensor.Shape[0], (int)tensor.Shape[1]))
            {
                var made = method.Quantize(module, (int)tensor.Shape[0], (int)tensor.Shape[1], tensor.ToFloats());
                codes.AddRange(made.Tensors);
                values.Add(TensorToWrite.FromFloats(name, tensor.Shape.ToArray(), made.Values));
            }
            else
            {
                codes.Add(TensorToWrite.Copy(tensor));
                values.Add(TensorToWrite.Copy(tensor));
            }
        }
        SafetensorsWriter.Write(Path.Combine(quantized, Checkpoint.SingleFileName), codes);
        SafetensorsWriter.Write(Path.Combine(widened, Checkpoint.SingleFileName), values);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        File.WriteAllText(Path.Combine(widened, "config.json"), config.ToJsonString());
        config["quantization_config"] = JsonNode.Parse(method.Settings);
        File.WriteAllText(Path.Combine(quantized, "config.json"), config.ToJsonString());
    }

    /// <summary>The module of a matrix that methods quantize: a linear one, neither outermost nor a router.</summary>
    private static string? Module(string tensor, TensorView view)
    {
        const string Weight = ".weight";
        if (view.Shape.Length != 2 || !tensor.EndsWith(Weight, StringComparison.Ordinal))
            return null;
        var module = tensor[..^Weight.Length];
        return Kept.Any(kept => module == kept || module.EndsWith("." + kept, StringComparison.Ordinal)) ? null : module;
    }
}

/// <summary>The methods that are published, with the variants that matter.</summary>
internal static class QuantizationMethods
{
    private const int Group = 16;

    public static QuantizationMethod[] All { get; } =
    [
        Fp8(16, 16), Fp8(128, 128), Fp8PerTensor(),
        Gptq(4, version: 1), Gptq(4, version: 1, actOrder: true), Gptq(4, version: 2), Gptq(2, version: 1), Gptq(3, version: 1, actOrder: true), Gptq(8, version: 2),
        Awq(),
        Packed(4, symmetric: true), Packed(4, symmetric: false), Packed(8, symmetric: true, wholeRows: true), Packed(4, symmetric: true, actOrder: true),
        SignedBytes(), FloatsByRow(),
        ModelOptimizerFp8(), Nvfp4(divided: false), Nvfp4(divided: true),
    ];

    private static QuantizationMethod Fp8(int rows, int columns) => new(
        $"fp8 {rows}x{columns}",
        $$"""{"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [{{rows}}, {{columns}}], "modules_to_not_convert": ["lm_head", "model.embed_tokens"]}""",
        (_, _) => true,
        (module, outputs, inputs, weights) => Floats(module, ".weight_scale_inv", outputs, inputs, weights, rows, columns));

    private static QuantizationMethod Fp8PerTensor() => new(
        "fp8 per tensor",
        """{"quant_method": "fp8", "activation_scheme": "static", "ignored_layers": ["lm_head"]}""",
        (_, _) => true,
        (module, outputs, inputs, weights) => WithInputScale(module, Floats(module, ".weight_scale", outputs, inputs, weights, outputs, inputs, [1])));

    private static QuantizationMethod ModelOptimizerFp8() => new(
        "modelopt FP8",
        """{"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_scheme": {"dynamic": false, "num_bits": 8, "type": "float"}, "ignore": ["lm_head"], "producer": {"name": "modelopt", "version": "0.29.0"}}""",
        (_, _) => true,
        (module, outputs, inputs, weights) => WithInputScale(module, Floats(module, ".weight_scale", outputs, inputs, weights, outputs, inputs, [])));

    /// <summary>e2m1 codes with an e4m3 scale for each 16 inputs, and a scale for all of these that multiplies or divides them.</summary>
    private static QuantizationMethod Nvfp4(bool divided) => new(
        divided ? "compressed-tensors nvfp4-pack-quantized" : "modelopt NVFP4",
        divided
            ? """
              {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized", "quantization_status": "compressed", "ignore": ["lm_head"],
               "config_groups": {"group_0": {"targets": ["Linear"], "input_activations": {"num_bits": 4, "type": "float", "dynamic": "local", "strategy": "tensor_group", "group_size": 16},
               "weights": {"num_bits": 4, "type": "float", "symmetric": true, "strategy": "tensor_group", "group_size": 16, "dynamic": false}}}}
              """
            : """
              {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head", "model.layers.*.mlp.gate"],
               "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"dynamic": false, "num_bits": 4, "type": "float", "group_size": 16}}}}
              """,
        (_, inputs) => inputs % Group == 0,
        (module, outputs, inputs, weights) =>
        {
            float[] magnitudes = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6];
            var factor = weights.Max(Math.Abs) / (6 * 448);
            var ofMatrix = divided ? 1 / factor : factor;
            var scales = new byte[weights.Length / Group];
            var codes = new byte[weights.Length / 2];
            var values = new float[weights.Length];
            for (var block = 0; block < scales.Length; block++)
            {
                scales[block] = E4M3.Nearest(weights.Skip(block * Group).Take(Group).Max(Math.Abs) / 6 / factor);
                var scale = divided ? E4M3.Values[scales[block]] / ofMatrix : E4M3.Values[scales[block]] * ofMatrix;
                for (var i = block * Group; i < (block + 1) * Group; i++)
                {
                    var code = scale == 0 ? 0 : Enumerable.Range(0, 8).MinBy(m => Math.Abs(magnitudes[m] - Math.Abs(weights[i]) / scale)) + (weights[i] < 0 ? 8 : 0);
                    codes[i / 2] |= (byte)(code << i % 2 * 4);
                    values[i] = (code < 8 ? magnitudes[code] : -magnitudes[code - 8]) * scale;
                }
            }
            return new QuantizedModule(
                [
                    TensorToWrite.FromBytes($"{module}.{(divided ? "weight_packed" : "weight")}", DType.U8, [outputs, inputs / 2], codes),
                    TensorToWrite.FromBytes($"{module}.weight_scale", DType.F8E4M3, [outputs, inputs / Group], scales),
                    TensorToWrite.FromFloats($"{module}.{(divided ? "weight_global_scale" : "weight_scale_2")}", divided ? [1] : [], new[] { ofMatrix }),
                    TensorToWrite.FromFloats($"{module}.{(divided ? "input_global_scale" : "input_scale")}", divided ? [1] : [], new[] { 0.5f }),
                ],
                values);
        });

    /// <summary>The scale of static activations, which stay in floating point.</summary>
    private static QuantizedModule WithInputScale(string module, QuantizedModule made) =>
        made with { Tensors = [.. made.Tensors, TensorToWrite.FromFloats($"{module}.input_scale", [1], new[] { 0.01f })] };

    private static QuantizationMethod FloatsByRow() => new(
        "compressed-tensors float-quantized by row",
        """
        {"quant_method": "compressed-tensors", "format": "float-quantized", "quantization_status": "compressed", "kv_cache_scheme": null, "ignore": ["lm_head"],
         "config_groups": {"group_0": {"targets": ["Linear"], "input_activations": {"num_bits": 8, "type": "float", "dynamic": true, "strategy": "token"}, "output_activations": null,
         "weights": {"num_bits": 8, "type": "float", "symmetric": true, "strategy": "channel", "group_size": null, "observer": "minmax", "dynamic": false}}}}
        """,
        (_, _) => true,
        (module, outputs, inputs, weights) => Floats(module, ".weight_scale", outputs, inputs, weights, 1, inputs));

    private static QuantizationMethod Gptq(int bits, int version, bool actOrder = false) => new(
        $"GPTQ {bits} bits v{version}{(actOrder ? " act order" : "")}",
        $$"""
        {"quant_method": "gptq", "bits": {{bits}}, "group_size": {{Group}}, "desc_act": {{(actOrder ? "true" : "false")}}, "sym": false, "damp_percent": 0.01, "true_sequential": true,
         "checkpoint_format": "{{(version == 1 ? "gptq" : "gptq_v2")}}"}
        """,
        (outputs, inputs) => outputs * bits % 32 == 0 && inputs * bits % 32 == 0,
        (module, outputs, inputs, weights) =>
        {
            var index = IndexOf(inputs, actOrder);
            var grid = new Grid(outputs, inputs, weights, bits, index, half: true);
            var stored = grid.Zeros.Select(zero => version == 1 ? (zero - 1) & ((1 << bits) - 1) : zero).ToArray();
            return new QuantizedModule(
                [
                    Words($"{module}.qweight", inputs * bits / 32, outputs, inputs, bits, (i, o) => grid.Codes[o * inputs + i], alongRows: true),
                    Words($"{module}.qzeros", grid.Groups, outputs * bits / 32, outputs, bits, (g, o) => stored[o * grid.Groups + g], alongRows: false),
                    Halves($"{module}.scales", [grid.Groups, outputs], grid.ByGroup(grid.Scales)),
                    Integers($"{module}.g_idx", [inputs], index),
                ],
                grid.Values);
        });

    private static QuantizationMethod Awq() => new(
        "AWQ",
        $$"""{"quant_method": "awq", "bits": 4, "group_size": {{Group}}, "zero_point": true, "version": "gemm", "modules_to_not_convert": null}""",
        (outputs, inputs) => outputs % 8 == 0,
        (module, outputs, inputs, weights) =>
        {
            int[] order = [0, 2, 4, 6, 1, 3, 5, 7];
            var grid = new Grid(outputs, inputs, weights, 4, IndexOf(inputs, actOrder: false), half: true);
            int[] Pack(int rows, Func<int, int, int> code)
            {
                var words = new int[rows * outputs / 8];
                for (var r = 0; r < rows; r++)
                    for (var o = 0; o < outputs; o++)
                        words[r * outputs / 8 + o / 8] |= code(r, o) << (Array.IndexOf(order, o % 8) * 4);
                return words;
            }
            return new QuantizedModule(
                [
                    Integers($"{module}.qweight", [inputs, outputs / 8], Pack(inputs, (i, o) => grid.Codes[o * inputs + i])),
                    Integers($"{module}.qzeros", [grid.Groups, outputs / 8], Pack(grid.Groups, (g, o) => grid.Zeros[o * grid.Groups + g])),
                    Halves($"{module}.scales", [grid.Groups, outputs], grid.ByGroup(grid.Scales)),
                ],
                grid.Values);
        });

    private static QuantizationMethod Packed(int bits, bool symmetric, bool wholeRows = false, bool actOrder = false) => new(
        $"compressed-tensors pack-quantized {bits} bits{(symmetric ? "" : " with zero points")}{(actOrder ? " act order" : "")}",
        $$"""
        {"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed", "ignore": ["lm_head"],
         "config_groups": {"group_0": {"targets": ["Linear"], "input_activations": null, "output_activations": null, "weights": {"num_bits": {{bits}}, "type": "int", "symmetric": {{(symmetric ? "true" : "false")}},
         "strategy": "{{(wholeRows ? "channel" : "group")}}", "group_size": {{(wholeRows ? "null" : Group)}}, "actorder": {{(actOrder ? "\"group\"" : "null")}}, "dynamic": false} } } }
        """,
        (_, _) => true,
        (module, outputs, inputs, weights) =>
        {
            var index = wholeRows ? new int[inputs] : IndexOf(inputs, actOrder);
            var grid = new Grid(outputs, inputs, weights, bits, index, half: false, symmetric);
            List<TensorToWrite> tensors =
            [
                Words($"{module}.weight_packed", outputs, (inputs * bits + 31) / 32, inputs, bits, (o, i) => grid.Codes[o * inputs + i], alongRows: false),
                Brains($"{module}.weight_scale", [outputs, grid.Groups], grid.Scales),
                TensorToWrite.FromBytes($"{module}.weight_shape", DType.I64, [2], MemoryMarshal.AsBytes<long>(new long[] { outputs, inputs }).ToArray()),
            ];
            if (!symmetric)
                tensors.Add(Words($"{module}.weight_zero_point", (outputs * bits + 31) / 32, grid.Groups, outputs, bits, (o, g) => grid.Zeros[o * grid.Groups + g], alongRows: true));
            if (actOrder)
                tensors.Add(Integers($"{module}.weight_g_idx", [inputs], index));
            return new QuantizedModule(tensors, grid.Values);
        });

    private static QuantizationMethod SignedBytes() => new(
        "compressed-tensors int-quantized",
        """
        {"quant_method": "compressed-tensors", "format": "int-quantized", "ignore": ["lm_head"], "config_groups": {"group_0": {"targets": ["Linear"],
         "input_activations": {"num_bits": 8, "type": "int", "dynamic": true}, "weights": {"num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel"}}}}
        """,
        (_, _) => true,
        (module, outputs, inputs, weights) =>
        {
            var grid = new Grid(outputs, inputs, weights, 8, new int[inputs], half: false, symmetric: true);
            return new QuantizedModule(
                [
                    TensorToWrite.FromBytes($"{module}.weight", DType.I8, [outputs, inputs], Array.ConvertAll(grid.Codes, code => (byte)(sbyte)(code - 128))),
                    Brains($"{module}.weight_scale", [outputs, 1], grid.Scales),
                ],
                grid.Values);
        });

    /// <summary>Groups in the order of the inputs, or dealt out among them.</summary>
    private static int[] IndexOf(int inputs, bool actOrder)
    {
        var index = Enumerable.Range(0, inputs).Select(i => i / Group).ToArray();
        if (actOrder)
            new Random(inputs).Shuffle(index);
        return index;
    }

    private static QuantizedModule Floats(
        string module, string scaleName, int outputs, int inputs, float[] weights, int rows, int columns, long[]? scaleShape = null)
    {
        var (rowBlocks, columnBlocks) = ((outputs + rows - 1) / rows, (inputs + columns - 1) / columns);
        var scales = new float[rowBlocks * columnBlocks];
        for (var i = 0; i < weights.Length; i++)
            scales[Block(i)] = Math.Max(scales[Block(i)], Math.Abs(weights[i]) / 448);
        var codes = new byte[weights.Length];
        var values = new float[weights.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            codes[i] = E4M3.Nearest(weights[i] / scales[Block(i)]);
            values[i] = E4M3.Values[codes[i]] * scales[Block(i)];
        }
        return new QuantizedModule(
            [TensorToWrite.FromBytes($"{module}.weight", DType.F8E4M3, [outputs, inputs], codes), TensorToWrite.FromFloats(module + scaleName, scaleShape ?? [rowBlocks, columnBlocks], scales)],
            values);

        int Block(int i) => i / inputs / rows * columnBlocks + i % inputs / columns;
    }

    /// <summary>Integers that stand for weights: (code − zero) · scale.</summary>
    private sealed class Grid
    {
        public Grid(int outputs, int inputs, float[] weights, int bits, int[] index, bool half, bool symmetric = false)
        {
            Groups = index.Max() + 1;
            Scales = new float[outputs * Groups];
            Zeros = new int[outputs * Groups];
            Codes = new int[weights.Length];
            Values = new float[weights.Length];
            var most = (1 << bits) - 1;
            for (var o = 0; o < outputs; o++)
                for (var g = 0; g < Groups; g++)
                {
                    var members = Enumerable.Range(0, inputs).Where(i => index[i] == g).Select(i => weights[o * inputs + i]).ToArray();
                    var (low, high) = (Math.Min(0, members.Min()), Math.Max(0, members.Max()));
                    var scale = symmetric ? 2 * Math.Max(-low, high) / most : (high - low) / most;
                    Scales[o * Groups + g] = half ? (float)(Half)scale : BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(scale) & 0xFFFF0000);
                    Zeros[o * Groups + g] = symmetric ? 1 << (bits - 1) : Math.Clamp((int)MathF.Round(-low / scale), 0, most);
                }
            for (var i = 0; i < weights.Length; i++)
            {
                var group = i / inputs * Groups + index[i % inputs];
                Codes[i] = Math.Clamp((int)MathF.Round(weights[i] / Scales[group]) + Zeros[group], 0, most);
                Values[i] = (Codes[i] - Zeros[group]) * Scales[group];
            }
        }

        public int Groups { get; }

        public float[] Scales { get; } // [outputs][groups]

        public int[] Zeros { get; }    // [outputs][groups]

        public int[] Codes { get; }    // [outputs][inputs]

        public float[] Values { get; } // [outputs][inputs]

        public float[] ByGroup(float[] values) => [.. Enumerable.Range(0, values.Length).Select(i => values[i % (values.Length / Groups) * Groups + i / (values.Length / Groups)])];
    }

    /// <summary>Codes as streams of bits in words [rows, columns]: along the rows of the tensor's first dimension, or along its second.</summary>
    private static TensorToWrite Words(string name, int rows, int columns, int length, int bits, Func<int, int, int> code, bool alongRows)
    {
        var words = new uint[rows * columns];
        for (var other = 0; other < (alongRows ? columns : rows); other++)
            for (var i = 0; i < length; i++)
            {
                var value = (ulong)(alongRows ? code(i, other) : code(other, i)) << (i * bits % 32);
                for (var part = 0; part < 2 && value >> (32 * part) != 0; part++)
                    words[alongRows ? (i * bits / 32 + part) * columns + other : other * columns + i * bits / 32 + part] |= (uint)(value >> (32 * part));
            }
        return TensorToWrite.FromBytes(name, DType.I32, [rows, columns], MemoryMarshal.AsBytes<uint>(words).ToArray());
    }

    private static TensorToWrite Integers(string name, long[] shape, int[] values) => TensorToWrite.FromBytes(name, DType.I32, shape, MemoryMarshal.AsBytes<int>(values).ToArray());

    private static TensorToWrite Halves(string name, long[] shape, float[] values) =>
        TensorToWrite.FromBytes(name, DType.F16, shape, MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, value => (Half)value)).ToArray());

    private static TensorToWrite Brains(string name, long[] shape, float[] values) =>
        TensorToWrite.FromBytes(name, DType.BF16, shape, MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))).ToArray());

    private static class E4M3
    {
        public static float[] Values { get; } = [.. Enumerable.Range(0, 256).Select(Value)];

        public static byte Nearest(float value) => (byte)Enumerable.Range(0, 256).Where(code => !float.IsNaN(Values[code])).MinBy(code => Math.Abs(Values[code] - value));

        private static float Value(int code)
        {
            var magnitude = (code & 127) == 127 ? double.NaN : (code >> 3 & 15) == 0 ? (code & 7) * Math.Pow(2, -9) : (1 + (code & 7) / 8.0) * Math.Pow(2, (code >> 3 & 15) - 7);
            return (float)(code < 128 ? magnitude : -magnitude);
        }
    }
}
