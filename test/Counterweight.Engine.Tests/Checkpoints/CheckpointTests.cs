using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private const string First = "model-00001-of-00002.safetensors";
    private const string Second = "model-00002-of-00002.safetensors";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> ReferenceModels() => new(GoldenFiles.SharedEntries("*", "goldens", "models")
        .Where(folder => File.Exists(Path.Combine(folder, Checkpoint.SingleFileName))));

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(ReferenceModels))]
    public void Reference_model_opens(string folder)
    {
        using var checkpoint = Checkpoint.Open(folder);
        Assert.NotEmpty(checkpoint.TensorNames);
        foreach (var name in checkpoint.TensorNames)
            Assert.True(checkpoint.TryGet(name, out var tensor) && tensor.Name == name && tensor.ByteCount > 0);
    }

    [Fact]
    public void A_tokenizer_of_another_library_is_named()
    {
        SafetensorsWriter.Write(_folder.File(Checkpoint.SingleFileName), [TensorToWrite.FromFloats("t", [1], new float[1])]);
        File.WriteAllText(_folder.File(Checkpoint.ConfigFileName), "{}");
        File.WriteAllBytes(_folder.File("spiece.model"), [0]);
        using var checkpoint = Checkpoint.Open(_folder.Path);
        var error = Assert.Throws<InvalidInputException>(() => checkpoint.LoadTokenizer());
        Assert.Equal((_folder.File("tokenizer.json"), "no such file, but spiece.model"), (error.Where, error.Found));
    }

    [Fact]
    public void Bundled_model_has_the_shapes_of_its_config()
    {
        var folder = Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe");
        var config = ConfigReader.Open(Path.Combine(folder, "config.json"));
        using var checkpoint = Checkpoint.Open(folder);
        var (vocabulary, hidden) = (config.Int("vocab_size", 1, 1 << 20), config.Int("hidden_size", 1, 1 << 20));
        var embedding = checkpoint.Get("model.embed_tokens.weight", vocabulary, hidden);
        Assert.All(embedding.ToFloats(), value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void Shards_read_as_one_checkpoint()
    {
        WriteShards($$$"""
            { "metadata": { "total_size": 20 }, "weight_map": { "b": "{{{First}}}", "a": "{{{Second}}}", "c": "{{{First}}}" } }
            """);
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal(["a", "b", "c"], checkpoint.TensorNames);
        Assert.Equal([1, 2], checkpoint.Get("b", 2).ToFloats());
        Assert.Equal([5, 6], checkpoint.Get("a", 2, 1).ToFloats());
        Assert.Equal([3], checkpoint.Get("c").ToFloats());
        Assert.Equal(_folder.File(Second), checkpoint.Get("a").File);
        Assert.Equal(2, checkpoint.Files.Count);
    }

    [Theory]
    [InlineData("""{ "b": "other.safetensors" }""", "no file other.safetensors")]
    [InlineData("""{ "b": "x1.safetensors", "a": "x2.safetensors" }""", "x1.safetensors and 1 more")]
    [InlineData($$"""{ "zz": "{{First}}" }""", "'zz'")]
    [InlineData($$"""{ "b": "{{Second}}" }""", "'b'")]
    [InlineData($$"""{ "b": "../{{First}}" }""", "a file in the folder of the index")]
    [InlineData($$"""{ "b": "sub/../../{{First}}" }""", "a file in the folder of the index")]
    [InlineData("""{ "b": "/etc/passwd" }""", "a file in the folder of the index")]
    [InlineData("""{ "b": "a\u0000b" }""", "a file in the folder of the index")]
    [InlineData("""{ "b": "" }""", "a file in the folder of the index")]
    [InlineData("""{ "b": 3 }""", "'3'")]
    [InlineData($$"""{ "b": "{{First}}", "b": "{{Second}}" }""", "uplicate")]
    [InlineData("[]", "weight_map")]
    [InlineData("{", "line 1")]
    public void Wrong_index_is_refused_with_its_name(string map, string part)
    {
        WriteShards($$"""{ "weight_map": {{map}} }""");
        var error = Assert.Throws<InvalidInputException>(() => Checkpoint.Open(_folder.Path));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.Contains(Checkpoint.IndexFileName, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_tensor_names_the_list_and_the_tensor()
    {
        WriteShards($$$"""{ "weight_map": { "b": "{{{First}}}" } }""");
        using var checkpoint = Checkpoint.Open(_folder.Path);
        var error = Assert.Throws<InvalidInputException>(() => checkpoint.Get("model.norm.weight"));
        Assert.Contains(_folder.File(Checkpoint.IndexFileName), error.Message, StringComparison.Ordinal);
        Assert.Contains("model.norm.weight", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_shape_names_tensor_file_found_and_expected()
    {
        WriteShards($$$"""{ "weight_map": { "a": "{{{Second}}}" } }""");
        using var checkpoint = Checkpoint.Open(_folder.Path);
        foreach (var expected in new int[][] { [1, 2], [2], [2, 1, 1] })
        {
            var error = Assert.Throws<InvalidInputException>(() => checkpoint.Get("a", expected));
            foreach (var part in new[] { _folder.File(Second), "'a'", "[2, 1]", $"[{string.Join(", ", expected)}]" })
                Assert.Contains(part, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Folder_without_weights_and_missing_folder_are_refused_by_name()
    {
        Assert.Equal(_folder.Path, Assert.Throws<InvalidInputException>(() => Checkpoint.Open(_folder.Path)).Where);
        var missing = Assert.Throws<InvalidInputException>(() => Checkpoint.Open(_folder.File("x")));
        Assert.Contains("no such folder", missing.Message, StringComparison.Ordinal);
    }

    private void WriteShards(string index)
    {
        SafetensorsWriter.Write(_folder.File(First),
            [TensorToWrite.FromFloats("b", [2], new float[] { 1, 2 }), TensorToWrite.FromFloats("c", [], new float[] { 3 })]);
        SafetensorsWriter.Write(_folder.File(Second), [TensorToWrite.FromFloats("a", [2, 1], new float[] { 5, 6 })]);
        _folder.Write(Checkpoint.IndexFileName, index);
    }
}
