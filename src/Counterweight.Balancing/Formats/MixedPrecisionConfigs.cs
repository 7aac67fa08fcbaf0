using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Formats;

/// <summary>The precision of all experts of a MoE layer.</summary>
/// <param name="Layer">The layer's number in the model.</param>
/// <param name="Precision">How its experts are stored.</param>
public sealed record LayerPrecision(int Layer, Precision Precision);

/// <summary>
/// Configurations by which engines load layers of different precision: <c>compressed-tensors</c> (vLLM, SGLang), <c>gptq</c> dynamic rules
/// (vLLM), <c>modelopt</c> (vLLM, SGLang, TensorRT-LLM) and <c>gguf</c> tensor-type rules (llama.cpp). None of them can mix inside a layer.
/// </summary>
public static partial class MixedPrecisionConfigs
{
    private const string CompressedTensors = "compressed-tensors", Gptq = "gptq", ModelOpt = "modelopt", Gguf = "gguf";

    private static readonly Dictionary<string, Precision[]> Supported = new Dictionary<string, Precision[]>
    {
        [CompressedTensors] = [Precision.Fp32, Precision.Fp16, Precision.Bf16, Precision.Fp8, Precision.Int8, Precision.Int4],
        [Gptq] = [Precision.Fp32, Precision.Fp16, Precision.Bf16, Precision.Int8, Precision.Int4],
        [ModelOpt] = [Precision.Fp32, Precision.Fp16, Precision.Bf16, Precision.Fp8],
        [Gguf] = [Precision.Fp32, Precision.Fp16, Precision.Bf16, Precision.Int8, Precision.Int4],
    };

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = [CompressedTensors, Gptq, ModelOpt, Gguf];

    /// <summary>The precision of each layer of a plan.</summary>
    /// <exception cref="InvalidInputException">A layer holds two precisions, which no serving engine loads.</exception>
    public static IReadOnlyList<LayerPrecision> LayersOf(Plan plan, string name = "plan") =>
    [
        .. plan.Layers.Select(layer => layer.Slots.Select(slot => slot.Precision).Distinct().Order().ToArray() is [var only]
            ? new LayerPrecision(layer.Layer, only)
            : throw new InvalidInputException($"{name}: layer {layer.Layer}",
                "experts in " + string.Join(" and ", layer.Slots.Select(slot => slot.Precision).Distinct().Order().Select(p => p.Name())),
                "one precision for all experts of a layer: GPU engines look at expert 0 and load the others the same way")),
    ];

    /// <summary>Writes a configuration.</summary>
    /// <param name="format">One of <see cref="Names"/>.</param>
    /// <param name="layers">The precision of each MoE layer.</param>
    /// <param name="stream">A writable stream.</param>
    /// <exception cref="InvalidInputException">The format has no such precision.</exception>
    public static void Write(string format, IReadOnlyList<LayerPrecision> layers, Stream stream)
    {
        Check(format, layers);
        if (format == Gguf)
            stream.Write(Encoding.UTF8.GetBytes(GgufRules(layers)));
        else
            JsonOutput.Write(stream, format, writer =>
            {
                writer.WriteStartObject();
                if (format == CompressedTensors)
                    WriteCompressedTensors(writer, layers);
                else if (format == Gptq)
                    WriteGptq(writer, layers);
                else
                    WriteModelOpt(writer, layers);
                writer.WriteEndObject();
            }, check: _ => { });
    }

    /// <summary>Reads a configuration that <see cref="Write"/> made.</summary>
    /// <param name="format">One of <see cref="Names"/>.</param>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="moeLayers">The MoE layers of the model.</param>
    /// <param name="original">The checkpoint's precision, for layers that no rule names.</param>
    /// <exception cref="InvalidInputException">It names layers twice or is no such configuration.</exception>
    public static IReadOnlyList<LayerPrecision> Read(string format, byte[] bytes, string name, IReadOnlyList<int> moeLayers,
        Precision original)
    {
        var known = format switch
        {
            CompressedTensors => ReadCompressedTensors(JsonInput.Parse(bytes, name)),
            Gptq => ReadGptq(JsonInput.Parse(bytes, name), moeLayers, original),
            ModelOpt => ReadModelOpt(JsonInput.Parse(bytes, name)),
            Gguf => ReadGguf(Encoding.UTF8.GetString(bytes), name),
            _ => throw Unknown(format),
        };
        return [.. moeLayers.Select(layer => new LayerPrecision(layer, known.GetValueOrDefault(layer, original)))];
    }

    private static void Check(string format, IReadOnlyList<LayerPrecision> layers)
    {
        if (!Supported.TryGetValue(format, out var supported))
            throw Unknown(format);
        if (layers.FirstOrDefault(layer => !supported.Contains(layer.Precision)) is { } odd)
            throw new InvalidInputException($"layer {odd.Layer}", odd.Precision.Name(),
                $"what {format} stores: " + string.Join(", ", supported.Select(precision => precision.Name())));
    }

    private static InvalidInputException Unknown(string format) => new("format", $"\"{format}\"", "one of " + string.Join(", ", Names));

    private static IEnumerable<(Precision Precision, string Layers)> Groups(IReadOnlyList<LayerPrecision> layers, Func<Precision,
        bool> which) =>
        layers.Where(layer => which(layer.Precision)).GroupBy(layer => layer.Precision).OrderBy(group => group.Key)
            .Select(group => (group.Key, string.Join('|', group.Select(layer => layer.Layer.ToString(CultureInfo.InvariantCulture)))));

    private static bool IsFloat(Precision precision) => precision is Precision.Fp32 or Precision.Fp16 or Precision.Bf16;

    private static string ExpertsOf(string layers) => $"re:.*layers\\.({layers})\\.mlp\\.experts\\..*";

    private static void WriteCompressedTensors(Utf8JsonWriter writer, IReadOnlyList<LayerPrecision> layers)
    {
        writer.WriteString("quant_method", "compressed-tensors");
        writer.WriteString("format", "mixed-precision");
        writer.WriteStartObject("config_groups");
        foreach (var (precision, numbers) in Groups(layers, precision => !IsFloat(precision)))
        {
            writer.WriteStartObject(precision.Name());
            writer.WriteString("format", precision == Precision.Fp8 ? "float-quantized" : "pack-quantized");
            writer.WriteStartArray("targets");
            writer.WriteStringValue(ExpertsOf(numbers));
            writer.WriteEndArray();
            writer.WriteStartObject("weights");
            writer.WriteNumber("num_bits", precision == Precision.Int4 ? 4 : 8);
            writer.WriteString("type", precision == Precision.Fp8 ? "float" : "int");
            writer.WriteBoolean("symmetric", true);
            writer.WriteString("strategy", precision == Precision.Int4 ? "group" : "channel");
            if (precision == Precision.Int4)
                writer.WriteNumber("group_size", 32);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        writer.WriteStartArray("ignore");
        writer.WriteStringValue("lm_head");
        foreach (var (_, numbers) in Groups(layers, IsFloat))
            writer.WriteStringValue(ExpertsOf(numbers));
        writer.WriteStringValue("re:.*self_attn.*");
        writer.WriteStringValue("re:.*mlp\\.gate$");
        writer.WriteEndArray();
    }

    private static Dictionary<int, Precision> ReadCompressedTensors(JsonInput root)
    {
        var known = new Dictionary<int, Precision>();
        var groups = root.Object("quant_method", "format", "config_groups", "ignore")["config_groups"];
        foreach (var group in groups.Element.EnumerateObject())
        {
            var precision = PrecisionNames.TryParse(group.Name, out var parsed)
                ? parsed
                : throw groups.Error($"the group {group.Name}", "groups named after precisions");
            foreach (var target in groups[group.Name]["targets"].Items())
                AddLayers(known, target.Text(), precision, target);
        }
        return known;
    }

    private static void WriteGptq(Utf8JsonWriter writer, IReadOnlyList<LayerPrecision> layers)
    {
        writer.WriteString("quant_method", "gptq");
        writer.WriteNumber("bits", 4);
        writer.WriteNumber("group_size", 32);
        writer.WriteBoolean("sym", true);
        writer.WriteBoolean("desc_act", false);
        writer.WriteStartObject("dynamic");
        foreach (var (precision, numbers) in Groups(layers, precision => precision != Precision.Int4))
        {
            writer.WriteStartObject($"{(IsFloat(precision) ? '-' : '+')}:.*layers\\.({numbers})\\.mlp\\.experts.*");
            if (!IsFloat(precision))
                writer.WriteNumber("bits", 8);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    // Layers that no rule names are int4; skipped ones keep the checkpoint's precision.
    private static Dictionary<int, Precision> ReadGptq(JsonInput root, IReadOnlyList<int> moeLayers, Precision original)
    {
        root.Object("quant_method", "bits", "group_size", "sym", "desc_act", "dynamic");
        var known = new Dictionary<int, Precision>();
        foreach (var rule in root["dynamic"].Element.EnumerateObject())
            AddLayers(known, rule.Name, rule.Name.StartsWith('-') ? original : Precision.Int8, root["dynamic"]);
        foreach (var layer in moeLayers)
            known.TryAdd(layer, Precision.Int4);
        return known;
    }

    private static void WriteModelOpt(Utf8JsonWriter writer, IReadOnlyList<LayerPrecision> layers)
    {
        writer.WriteString("quant_method", "modelopt");
        writer.WriteString("quant_algo", "MIXED_PRECISION");
        writer.WriteStartObject("quantized_layers");
        foreach (var layer in layers.Where(layer => layer.Precision == Precision.Fp8))
        {
            writer.WriteStartObject($"model.layers.{layer.Layer}.mlp.experts");
            writer.WriteString("quant_algo", "FP8");
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    private static Dictionary<int, Precision> ReadModelOpt(JsonInput root)
    {
        var known = new Dictionary<int, Precision>();
        foreach (var layer in root.Object("quant_method", "quant_algo", "quantized_layers")["quantized_layers"].Element.EnumerateObject())
            known.Add(ModelOptLayer().Match(layer.Name) is { Success: true } match
                ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
                : throw root["quantized_layers"].Error(layer.Name, "model.layers.N.mlp.experts"), Precision.Fp8);
        return known;
    }

    // One rule a line, as an argument of llama-quantize --tensor-type. Q4_0 and Q8_0 hold groups of 32 with a half-precision scale.
    private static string GgufRules(IReadOnlyList<LayerPrecision> layers) => string.Concat(Groups(layers, _ => true)
        .Select(group => $"blk\\.({group.Layers})\\.ffn_(gate|up|down)_exps={GgufType(group.Precision)}\n"));

    private static string GgufType(Precision precision) => precision switch
    {
        Precision.Int4 => "q4_0",
        Precision.Int8 => "q8_0",
        _ => precision == Precision.Fp32 ? "f32" : precision.Name().Replace("fp", "f", StringComparison.Ordinal),
    };

    private static Dictionary<int, Precision> ReadGguf(string text, string name)
    {
        var known = new Dictionary<int, Precision>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var type = line[(line.LastIndexOf('=') + 1)..].Trim();
            var precision = Supported[Gguf].FirstOrDefault(precision => GgufType(precision) == type, (Precision)(-1));
            if ((int)precision < 0)
                throw new InvalidInputException(name, line, "a rule that ends in =q4_0, =q8_0, =f16, =bf16 or =f32");
            AddLayers(known, line, precision, new JsonInput(default, name, ""));
        }
        return known;
    }

    private static void AddLayers(Dictionary<int, Precision> known, string rule, Precision precision, JsonInput at)
    {
        var match = LayerNumbers().Match(rule);
        if (!match.Success)
            throw at.Error(rule, "a rule for the experts of numbered layers");
        foreach (var number in match.Groups[1].Value.Split('|'))
            if (!known.TryAdd(int.Parse(number, CultureInfo.InvariantCulture), precision))
                throw at.Error($"layer {number} in two rules", "one rule for each layer");
    }

    [GeneratedRegex(@"\\\.\(([0-9]{1,5}(?:\|[0-9]{1,5})*)\)\\\.")]
    private static partial Regex LayerNumbers();

    [GeneratedRegex(@"^model\.layers\.([0-9]{1,5})\.mlp\.experts$")]
    private static partial Regex ModelOptLayer();
}
