namespace Counterweight.Balancing.Formats;

/// <summary>The engines that load a static plan, by name.</summary>
public static class EnginePlanFormats
{
    private static readonly IEnginePlanFormat[] All =
        [new SglangPlanFormat(), new VllmPlanFormat(), new TensorRtLlmPlanFormat(), new AscendPlanFormat(), new OmniPlanFormat()];

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(format => format.Name)];

    /// <summary>The format of an engine.</summary>
    /// <exception cref="InvalidInputException">No engine of that name.</exception>
    public static IEnginePlanFormat Of(string name) => All.FirstOrDefault(format => format.Name == name)
        ?? throw new InvalidInputException("engine", $"\"{name}\"", "one of " + string.Join(", ", Names));
}
