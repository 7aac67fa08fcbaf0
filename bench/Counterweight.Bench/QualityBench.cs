using System.Globalization;
using Counterweight.Bench.Peer;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;
using Counterweight.Evaluation;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Bench;

/// <summary>
/// Perplexity of a model with all its matrices in GGUF's formats, in exact arithmetic and with quantized activations, keys and values, against the checkpoint in fp32 arithmetic.
/// </summary>
internal static class QualityBench
{
    /// <param name="model">Folder of a <c>qwen3_moe</c> checkpoint with tied embeddings.</param>
    /// <param name="texts">Text files.</param>
    public static void Run(string model, string[] texts)
    {
        var exact = Perplexity(model, texts, ComputeMode.Exact);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"checkpoint, fp32 arithmetic: perplexity {exact:F4}"));
        var folder = Directory.CreateTempSubdirectory("counterweight-quality").FullName;
        try
        {
            foreach (var format in BlockFormat.All)
                foreach (var mode in (ComputeMode[])[ComputeMode.Exact, ComputeMode.Fastest])
                {
                    var perplexity = Perplexity(Convert(model, format, folder), texts, mode);
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{format.Name}, {mode}: perplexity {perplexity:F4}, {100 * (perplexity / exact - 1):+0.000;-0.000} %"));
                }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Perplexity(string model, string[] texts, ComputeMode mode)
    {
        using var loaded = LoadedModel.Open(model, new LoadOptions { Compute = mode });
        using var scorer = new ModelScorer(loaded.Model);
        return new TextPerplexity(scorer, RequestTokenizer.Of(loaded)).Measure(texts).Total.Perplexity;
    }

    private static string Convert(string folder, BlockFormat format, string target)
    {
        using var checkpoint = Checkpoint.Open(folder);
        var config = checkpoint.ReadConfig();
        int Size(string key) => config.Int(key, 1, int.MaxValue);
        var sizes = new PeerModel(
            Path.GetFileName(folder.TrimEnd('/')), "qwen3moe", Size("hidden_size"), Size("num_hidden_layers"), Size("num_experts"), Size("num_experts_per_tok"),
            Size("moe_intermediate_size"), 0, Size("num_attention_heads"), Size("num_key_value_heads"), Size("head_dim"), Size("vocab_size"));
        var file = Path.Combine(target, $"{format.Name}.gguf");
        new GgufModelWriter(sizes, format, name => Weights(checkpoint, sizes.Experts, name)).Write(file, Path.Combine(folder, "tokenizer.json"));
        return file;
    }

    /// <summary>A tensor by its GGUF name; experts are stacked.</summary>
    private static float[] Weights(Checkpoint checkpoint, int experts, string name)
    {
        var part = name.Split('.');
        if (part[0] != "blk")
            return checkpoint.Get(name == "output_norm.weight" ? "model.norm.weight" : "model.embed_tokens.weight").ToFloats();
        var layer = $"model.layers.{part[1]}";
        return part[2] switch
        {
            "attn_norm" => checkpoint.Get($"{layer}.input_layernorm.weight").ToFloats(),
            "ffn_norm" => checkpoint.Get($"{layer}.post_attention_layernorm.weight").ToFloats(),
            "ffn_gate_inp" => checkpoint.Get($"{layer}.mlp.gate.weight").ToFloats(),
            "attn_output" => checkpoint.Get($"{layer}.self_attn.o_proj.weight").ToFloats(),
            "attn_q_norm" or "attn_k_norm" => checkpoint.Get($"{layer}.self_attn.{part[2][5]}_norm.weight").ToFloats(),
            "attn_q" or "attn_k" or "attn_v" => checkpoint.Get($"{layer}.self_attn.{part[2][5]}_proj.weight").ToFloats(),
            _ => [.. Enumerable.Range(0, experts).SelectMany(e => checkpoint.Get($"{layer}.mlp.experts.{e}.{part[2].Split('_')[1]}_proj.weight").ToFloats())],
        };
    }
}
