using System.Text.Json;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>The folders of reference outputs whose model type the engine has.</summary>
internal static class GoldenModels
{
    /// <summary>All of them, those with quantized weights included.</summary>
    public static IEnumerable<string> Folders() => GoldenFiles.SharedEntries("*", "goldens", "models")
        .Where(path => File.Exists(Path.Combine(path, "model.safetensors")) && ModelLoader.ModelTypes.Contains(TypeOf(path)))
        .Select(path => Path.GetFileName(path));

    public static string TypeOf(string path)
    {
        using var config = Config(path);
        return config.RootElement.GetProperty("model_type").GetString()!;
    }

    /// <summary>The model type of a folder.</summary>
    public static string TypeOfFolder(string folder) => TypeOf(GoldenFiles.Shared("goldens", "models", folder));

    /// <summary>The reference's token ids.</summary>
    public static int[][] Prompts(string folder)
    {
        using var golden = SafetensorsFile.Open(Path.Combine(GoldenFiles.Shared("goldens", "models", folder), "golden.safetensors"));
        var ids = golden.Get("input_ids");
        return [.. ids.ToInt64().Select(id => (int)id).Chunk((int)ids.Shape[1])];
    }

    private static JsonDocument Config(string path) => JsonDocument.Parse(File.ReadAllText(Path.Combine(path, "config.json")));
}
