using Counterweight.Balancing.EnginePlanning;

namespace Counterweight.Balancing.Formats;

/// <summary>What plan files of engines leave out, or need beside the plan.</summary>
public sealed record EngineTarget
{
    /// <summary>Number of devices (ranks of expert parallelism). Needed to read formats that hold slots only.</summary>
    public int Devices { get; init; } = 1;

    /// <summary>Layer numbers of the MoE layers. Null: rows count from 0, or from the first row that is no filler where dense layers have
    /// rows.</summary>
    public IReadOnlyList<int>? MoeLayers { get; init; }

    /// <summary>Decoder layers of the model, dense ones counted, without multi-token prediction. Null: the last MoE layer is the
    /// last.</summary>
    public int? HiddenLayers { get; init; }

    /// <summary>Multi-token prediction layers that follow the decoder layers, 0 to 16. Default 0.</summary>
    public int MtpLayers { get; init; }

    internal int HiddenLayersOf(EnginePlan plan) => HiddenLayers ?? plan.MoeLayers[^1] + 1;
}

/// <summary>Something that an engine would choke on, or that wastes what it has.</summary>
/// <param name="IsError">True if the engine refuses the plan or answers wrongly; false for a warning.</param>
/// <param name="Sentence">What, where, and what follows from it.</param>
public sealed record EngineFinding(bool IsError, string Sentence);

/// <summary>The plan file of one engine: writer, reader and validator.</summary>
public interface IEnginePlanFormat
{
    /// <summary>The engine's name in options.</summary>
    string Name { get; }

    /// <summary>The usual ending of the file, with the dot.</summary>
    string Ending { get; }

    /// <summary>What the engine would choke on, in the order of importance; empty if nothing.</summary>
    IReadOnlyList<EngineFinding> Check(EnginePlan plan, EngineTarget target);

    /// <summary>Writes the plan.</summary>
    /// <exception cref="InvalidInputException">The engine would refuse it: the first error of <see cref="Check"/>.</exception>
    void Write(EnginePlan plan, EngineTarget target, Stream stream);

    /// <summary>Reads a plan.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="target">What the file does not hold.</param>
    /// <exception cref="InvalidInputException">It is not a valid plan of this engine: names the place.</exception>
    EnginePlan Read(byte[] bytes, string name, EngineTarget target);
}
