using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Studies;

/// <summary>An experiment that answers one question about a model.</summary>
internal interface IStudy
{
    /// <summary>The name on the command line, in folders and in links.</summary>
    string Name { get; }

    /// <summary>Heading.</summary>
    string Title { get; }

    /// <summary>What is asked and how it is measured, every choice that a reader could question included.</summary>
    string Method { get; }

    /// <summary>Why it cannot be run on a model; null where it can.</summary>
    string? Refuses(MoeModel model) => null;

    /// <summary>Runs it. The model is given with its original experts and must be left so.</summary>
    StudyResult Run(StudyContext context, CancellationToken cancellation);
}
