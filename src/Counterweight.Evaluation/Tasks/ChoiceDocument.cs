namespace Counterweight.Evaluation.Tasks;

/// <summary>A context and several continuations, of which one (or the first few) is right.</summary>
/// <param name="Context">Text before every choice.</param>
/// <param name="Choices">The continuations, without the space that separates them from the context.</param>
/// <param name="Gold">Index of the right choice.</param>
internal sealed record ChoiceDocument(string Context, IReadOnlyList<string> Choices, int Gold) : IPromptDocument
{
    public const string Delimiter = " ";

    /// <summary>A context for each choice where they differ; null where all share <see cref="Context"/>.</summary>
    public IReadOnlyList<string>? Contexts { get; init; }

    /// <summary>How many of the choices, from the first, are true: more than one only where answers are weighed together.</summary>
    public int TrueChoices { get; init; } = 1;

    public string ContextOf(int choice) => Contexts?[choice] ?? Context;

    public string ContinuationOf(int choice) => Delimiter + Choices[choice];

    public string Example => ContextOf(Gold) + ContinuationOf(Gold);
}
