using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Checkpoints.Gguf;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Fuzz.Targets;

/// <summary>Opens a GGUF file, reads all that it has: metadata, tokenizer, every tensor; then loads the model and runs a few tokens through it.</summary>
internal sealed unsafe class GgufTarget : FuzzTarget
{
    private const int TokensToRun = 3;

    private readonly InputFolder _folder = new();

    protected override void Read(byte[] input)
    {
        var path = _folder.Write("model.gguf", input);
        using (var file = GgufFile.Open(path))
            ReadParts(file, input);
        InvalidInputException? refusal = null;
        foreach (var part in (Action<string>[])[ReadTokenizer, Decode, Run])
            try
            {
                part(path);
            }
            catch (InvalidInputException e)
            {
                refusal ??= e;
            }
        if (refusal is not null)
            throw refusal;
    }

    private static void ReadParts(GgufFile file, ReadOnlySpan<byte> input)
    {
        foreach (var key in file.Metadata.Keys)
            file.Metadata.Describe(key);
        foreach (var tensor in file.Tensors.Values)
            if (input.IndexOf(new ReadOnlySpan<byte>(tensor.Pointer, checked((int)tensor.Bytes))) < 0)
                throw new InvalidOperationException($"tensor {tensor.Name} holds bytes that the file doesn't");
    }

    private static void ReadTokenizer(string path)
    {
        using var file = GgufFile.Open(path);
        TokenizerTarget.Use(Tokenizer.Of(file.Metadata));
    }

    private static void Decode(string path)
    {
        using var checkpoint = Checkpoint.Open(path);
        foreach (var name in checkpoint.TensorNames)
        {
            var tensor = checkpoint.Get(name);
            if (tensor.DType is DType.F32 or DType.F16 or DType.BF16)
                tensor.ToFloats();
        }
    }

    private static void Run(string path)
    {
        using var loaded = LoadedModel.Open(path, new LoadOptions { Threads = 1 });
        var batch = new Batch();
        using var cache = loaded.Model.NewSequence();
        batch.Add(cache, [.. Enumerable.Range(0, TokensToRun).Select(i => i % loaded.Model.Shape.Vocabulary)]);
        loaded.Model.Forward(batch);
        var logits = new float[loaded.Model.Shape.Vocabulary];
        fixed (float* pointer = logits)
            loaded.Model.Logits(batch.Rows - 1, 1, pointer);
    }
}
