using System.Text.Json;

namespace Counterweight.Cli.Tests;

/// <summary>A folder that lasts for one test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("counterweight-cli-").FullName;

    public string this[string name] => Path.Combine(Root, name);

    /// <summary>Everything in the folder, hidden files and what is below as well.</summary>
    public IEnumerable<string> Entries => Directory.EnumerateFileSystemEntries(Root, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Root, path)).Order(StringComparer.Ordinal);

    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    public JsonElement Json(string name) => JsonElement.Parse(File.ReadAllBytes(this[name]));

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
