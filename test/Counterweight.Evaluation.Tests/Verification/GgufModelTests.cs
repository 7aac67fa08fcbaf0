using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Checkpoints.Gguf;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;
using Counterweight.Evaluation.Verification;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>Files that llama.cpp's converter wrote, and files made from them, against the references of the checkpoints that they came from.</summary>
public sealed class GgufModelTests
{
    public static TheoryData<string, string> Converted() => Cases(GoldenFiles.SharedEntries("*.f32.gguf", "goldens", "gguf"));

    public static TheoryData<string, string> Quantized() => Cases(GoldenFiles.SharedEntries("qwen3_moe_*.gguf", "goldens", "gguf")
        .Where(path => File.Exists(GoldenOf(path)) && GoldenVerifier.VariantOf(path) is not "f32"));

    [Theory]
    [MemberData(nameof(Converted))]
    public void Converted_checkpoint_gives_the_logits_of_the_original(string file, string kernel)
    {
        var goldens = GoldenFiles.Shared("goldens", "models", file.Replace(".f32.gguf", "", StringComparison.Ordinal));
        var golden = Path.Combine(goldens, "golden.safetensors");
        var differences = Verify(GoldenFiles.Shared("goldens", "gguf", file), golden, kernel, GoldenVerifier.ToleranceOf(golden));
        Assert.Contains(differences, difference => difference.Tensor == "greedy_ids");
        Assert.All(differences, difference => Assert.True(difference.Agrees, $"{difference}"));
    }

    [Theory]
    [MemberData(nameof(Quantized))]
    public void Quantized_file_gives_the_logits_of_its_decoded_weights(string file, string kernel)
    {
        var path = GoldenFiles.Shared("goldens", "gguf", file);
        var difference = Assert.Single(Verify(path, GoldenOf(path), kernel, 1e-4));
        Assert.EndsWith("logits", difference.Tensor, StringComparison.Ordinal);
        Assert.True(difference.Agrees, $"{difference}");
    }

    /// <summary>The file's matrices are the original's, rounded; everything else is F32 in both.</summary>
    [Fact]
    public void Bf16_file_gives_the_logits_of_the_rounded_original()
    {
        using var data = new TemporaryData();
        var path = GoldenFiles.Shared("goldens", "gguf", "qwen3_moe_64.bf16.gguf");
        var original = GoldenFiles.Shared("goldens", "models", "qwen3_moe_64");
        using (var checkpoint = Checkpoint.Open(original))
            SafetensorsWriter.Write(Path.Combine(data.Root, "model.safetensors"), checkpoint.TensorNames.Select(name => Rounded(checkpoint.Get(name))));
        File.Copy(Path.Combine(original, "config.json"), Path.Combine(data.Root, "config.json"));
        using (var file = GgufFile.Open(path))
            Assert.Equal("BF16", file.Tensors["blk.0.ffn_down_exps.weight"].Type.Name);
        Assert.Equal(Logits(data.Root), Logits(path));
    }

    [Theory]
    [InlineData("qwen3_moe.f32.gguf")]
    [InlineData("mixtral.f32.gguf")]
    [InlineData("qwen3_moe_64.q4_0.gguf")]
    public void Version_2_in_two_files_with_one_tensor_for_each_expert_is_the_same_model(string file)
    {
        using var data = new TemporaryData();
        var path = GoldenFiles.Shared("goldens", "gguf", file);
        Assert.Equal(Logits(path), Logits(Rewrite(path, data.Root)));
    }

    [Theory]
    [InlineData("qwen3_moe_64.q8_0.gguf")]
    [InlineData("gpt_oss.f32.gguf")]
    [InlineData("granitemoe.f32.gguf")]
    [InlineData("deepseek_v2.f32.gguf")]
    public void A_balanced_checkpoint_of_it_gives_the_same_logits(string file)
    {
        using var data = new TemporaryData();
        var path = GoldenFiles.Shared("goldens", "gguf", file);
        using (var loaded = LoadedModel.Open(path, new LoadOptions { Threads = 1, Compute = ComputeMode.Exact }))
        {
            var plan = new Plan(
                loaded.Model.Fingerprint, 1, loaded.Model.OriginalLayers(), new PlanBudget(1, 1, 1), new PlanPolicy("none", new Dictionary<string, string>(), 1),
                new PlanForecast(1, 1, 1, null));
            CheckpointWriter.WriteBalanced(data.Root, loaded.Model, loaded.Checkpoint, plan, loaded.Model.OriginalExperts);
        }
        Assert.Equal(Logits(path), Logits(data.Root));
    }

    [Theory]
    [InlineData("general.architecture", "gemma3")]
    [InlineData("qwen3moe.attention.max_alibi_bias", "1")]
    [InlineData("qwen3moe.rope.scaling.type", "dynamic")]
    public void What_is_not_computed_is_refused_by_name(string key, string value)
    {
        using var data = new TemporaryData();
        var source = GoldenFiles.Shared("goldens", "gguf", "qwen3_moe_64.f32.gguf");
        using var file = GgufFile.Open(source);
        var builder = new GgufBuilder(key == "general.architecture" ? value : "qwen3moe");
        CopyMetadata(file.Metadata, builder, except: key);
        if (key != "general.architecture")
            builder.Add(key, value);
        foreach (var tensor in file.Tensors.Values)
            Copy(tensor, builder);
        var path = builder.Write(Path.Combine(data.Root, "changed.gguf"));
        var error = Assert.Throws<InvalidInputException>(() => Checkpoint.Open(path).Dispose());
        Assert.Contains(key, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Matrices to BF16, ties to even; routers, as converters leave them, and vectors stay.</summary>
    private static TensorToWrite Rounded(TensorView tensor) => tensor.Shape.Length < 2 || tensor.Name.EndsWith("mlp.gate.weight", StringComparison.Ordinal)
        ? TensorToWrite.Copy(tensor)
        : CheckpointCopy.Rounded(tensor, DType.BF16);

    private static TheoryData<string, string> Cases(IEnumerable<string> paths)
    {
        var cases = new TheoryData<string, string>();
        foreach (var path in paths)
            foreach (var kernel in MatMulKernelFactory.Available)
                cases.Add(Path.GetFileName(path), kernel);
        return cases;
    }

    /// <summary>Beside NAME.VARIANT.gguf: NAME.VARIANT.golden, NAME.quantised.golden or NAME.blocks.golden.</summary>
    private static string GoldenOf(string path)
    {
        var name = Path.Combine(Path.GetDirectoryName(path)!, Path.GetFileName(path).Split('.')[0]);
        return new[] { GoldenVerifier.VariantOf(path), "blocks", path.Contains("16.gguf", StringComparison.Ordinal) ? "none" : "quantised" }
            .Select(kind => $"{name}.{kind}.golden.safetensors").FirstOrDefault(File.Exists) ?? "";
    }

    private static IReadOnlyList<TensorDifference> Verify(string path, string goldenPath, string kernel, double tolerance)
    {
        using var golden = SafetensorsFile.Open(goldenPath);
        using var loaded = LoadedModel.Open(path, new LoadOptions { Threads = 2, Kernels = kernel, Compute = ComputeMode.Exact }, warning => Assert.Fail(warning));
        var differences = new GoldenVerifier(loaded.Model, golden, tolerance) { Variant = GoldenVerifier.VariantOf(path) }.Verify();
        TestContext.Current.TestOutputHelper?.WriteLine($"{Path.GetFileName(path)} {kernel}: {differences[^1]}");
        return differences;
    }

    private static float[] Logits(string path)
    {
        using var loaded = ModelRuns.Open(path, compute: ComputeMode.Exact);
        return ModelRuns.Logits(loaded.Model, [[3, 14, 15, 92, 65, 35, 89, 79]]);
    }

    /// <summary>Version 2, two files, experts apart as files of 2023 have them.</summary>
    private static string Rewrite(string path, string folder)
    {
        using var file = GgufFile.Open(path);
        GgufBuilder[] parts = [new(file.Architecture), new(null)];
        CopyMetadata(file.Metadata, parts[0]);
        for (var i = 0; i < parts.Length; i++)
            parts[i].Add("split.no", (ushort)i).Add("split.count", (ushort)parts.Length);
        var count = 0;
        foreach (var tensor in file.Tensors.Values)
            if (tensor.Name.EndsWith("_exps.weight", StringComparison.Ordinal))
                for (var expert = 0; expert < tensor.Shape[0]; expert++)
                    Copy(tensor, parts[count++ % 2], expert);
            else
                Copy(tensor, parts[count++ % 2]);
        parts[0].Add("split.tensors.count", count);
        parts[1].Write(Path.Combine(folder, "old-00002-of-00002.gguf"), version: 2);
        return parts[0].Write(Path.Combine(folder, "old-00001-of-00002.gguf"), version: 2);
    }

    private static void CopyMetadata(GgufMetadata metadata, GgufBuilder builder, string except = "")
    {
        foreach (var key in metadata.Keys.Where(key => key != except && key != "general.architecture"))
            _ = metadata.TypeOf(key) switch
            {
                GgufValueType.String => builder.Add(key, metadata.String(key)),
                GgufValueType.Bool => builder.Add(key, metadata.Bool(key)),
                GgufValueType.Float32 => builder.Add(key, (float)metadata.Number(key)),
                _ => builder.Add(key, (uint)metadata.Integer(key)),
            };
    }

    private static unsafe void Copy(GgufTensor tensor, GgufBuilder builder, int expert = -1)
    {
        var bytes = expert < 0 ? tensor.Bytes : tensor.Bytes / tensor.Shape[0];
        var data = new ReadOnlySpan<byte>(tensor.Pointer + Math.Max(expert, 0) * bytes, (int)bytes).ToArray();
        if (expert < 0)
            builder.AddTensor(tensor.Name, [.. tensor.Shape], tensor.Type.Id, data);
        else
            builder.AddTensor(tensor.Name.Replace("_exps.weight", $".{expert}.weight", StringComparison.Ordinal), [.. tensor.Shape.Skip(1)], tensor.Type.Id, data);
    }
}
