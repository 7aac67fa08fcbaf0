using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Tests;

/// <summary>A folder of evaluation data that lasts for one test.</summary>
internal sealed class TemporaryData : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("counterweight-evaluation-").FullName;

    public TaskData Data => new(Root, Root);

    public string Path(string name) => System.IO.Path.Combine(Root, name);

    public string Write(string name, string text)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path(name))!);
        File.WriteAllText(Path(name), text);
        return Path(name);
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
