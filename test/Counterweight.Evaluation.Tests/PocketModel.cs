using Counterweight.Engine.Models;
using Counterweight.Evaluation.Scoring;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests;

/// <summary>The bundled model, opened once for the tests of a class.</summary>
public sealed class PocketModel : IDisposable
{
    /// <summary>The folder.</summary>
    public static string Folder { get; } = Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe");

    /// <summary>The model.</summary>
    public LoadedModel Model { get; } = LoadedModel.Open(Folder);

    /// <summary>Its requests.</summary>
    public RequestTokenizer Requests => RequestTokenizer.Of(Model);

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
