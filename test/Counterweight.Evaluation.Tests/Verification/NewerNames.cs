using System.Globalization;
using System.Text.RegularExpressions;
using Counterweight.Engine.Checkpoints;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>Names of tensors as transformers 5 has them in memory: experts stacked, routers renamed.</summary>
internal static partial class NewerNames
{
    private static readonly HashSet<string> OwnLayouts = ["gpt_oss", "llama4_text", "llama_moe", "switch_transformers"];

    private static readonly Dictionary<string, (string Published, string Newer)[]> Renamed = new()
    {
        ["mixtral"] = [(".block_sparse_moe.gate.", ".mlp.gate.")],
        ["phimoe"] = [(".block_sparse_moe.gate.", ".mlp.router.")],
        ["minimax_m2"] = [(".block_sparse_moe.gate.", ".mlp.gate."), (".block_sparse_moe.e_score", ".mlp.e_score")],
        ["ernie4_5_moe"] = [(".mlp.moe_statics.", ".mlp.gate.moe_statics.")],
        ["exaone_moe"] = [(".mlp.e_score", ".mlp.gate.e_score")],
        ["granitemoe"] = Granite,
        ["granitemoeshared"] = Granite,
    };

    private static (string, string)[] Granite =>
    [
        (".block_sparse_moe.input_linear.weight", ".block_sparse_moe.experts.gate_up_proj"), (".block_sparse_moe.output_linear.weight", ".block_sparse_moe.experts.down_proj"),
        (".router.layer.", ".router."),
    ];

    /// <summary>Whether a family has newer names.</summary>
    public static bool Has(string modelType) => !OwnLayouts.Contains(modelType);

    /// <summary>The tensors of a checkpoint under newer names.</summary>
    public static IEnumerable<TensorToWrite> Of(Checkpoint checkpoint, string modelType)
    {
        var stacks = new SortedDictionary<string, SortedDictionary<int, Dictionary<string, TensorView>>>(StringComparer.Ordinal);
        foreach (var name in checkpoint.TensorNames)
        {
            if (Expert().Match(name) is { Success: true } match)
                Put(stacks, match, checkpoint.Get(name));
            else
                yield return TensorToWrite.Copy(checkpoint.Get(name), Renamed.GetValueOrDefault(modelType, []).Aggregate(name, (known, pair) => known.Replace(pair.Published, pair.Newer, StringComparison.Ordinal)));
        }
        foreach (var (module, experts) in stacks)
        {
            var (gate, down) = (experts[0]["gate"], experts[0]["down"]);
            yield return Stack($"{module}.gate_up_proj", [experts.Count, 2 * gate.Shape[0], gate.Shape[1]], experts.Values.SelectMany(expert => (TensorView[])[expert["gate"], expert["up"]]));
            yield return Stack($"{module}.down_proj", [experts.Count, down.Shape[0], down.Shape[1]], experts.Values.Select(expert => expert["down"]));
        }
    }

    private static void Put(SortedDictionary<string, SortedDictionary<int, Dictionary<string, TensorView>>> stacks, Match match, TensorView tensor)
    {
        var module = match.Groups[1].Value.Replace(".block_sparse_moe.", ".mlp.", StringComparison.Ordinal);
        if (!stacks.TryGetValue(module, out var experts))
            stacks[module] = experts = [];
        var expert = int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
        if (!experts.TryGetValue(expert, out var matrices))
            experts[expert] = matrices = [];
        matrices[match.Groups[3].Value switch { "gate_proj" or "w1" => "gate", "up_proj" or "w3" => "up", _ => "down" }] = tensor;
    }

    private static TensorToWrite Stack(string name, long[] shape, IEnumerable<TensorView> parts)
    {
        var tensors = parts.ToArray();
        return new TensorToWrite(name, tensors[0].DType, shape, stream =>
        {
            foreach (var tensor in tensors)
                TensorToWrite.Copy(tensor).Write(stream);
        });
    }

    [GeneratedRegex(@"^(.*\.experts)\.(\d+)\.(gate_proj|up_proj|down_proj|w1|w2|w3)\.weight$")]
    private static partial Regex Expert();
}
