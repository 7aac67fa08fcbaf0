using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>A metric of one multiple-choice document, from the log-likelihoods of its choices; more is better.</summary>
internal sealed record ChoiceMetric(string Name, Func<ChoiceDocument, double[], double> Of)
{
    /// <summary>1 where the most probable choice is the right one; the first of equals counts.</summary>
    public static ChoiceMetric Accuracy { get; } = new("acc", (document, loglikelihoods) =>
        Array.IndexOf(loglikelihoods, loglikelihoods.Max()) == document.Gold ? 1 : 0);

    /// <summary>The same with each log-likelihood divided by the length of the choice in code points.</summary>
    public static ChoiceMetric NormalizedAccuracy { get; } = new("acc_norm", (document, loglikelihoods) =>
    {
        var perCharacter = loglikelihoods.Select((value, choice) => value / PythonText.CodePoints(document.Choices[choice])).ToArray();
        return Accuracy.Of(document, perCharacter);
    });

    /// <summary>Probability of the true choices over that of all. Source: Lin et al., "TruthfulQA", 2022, metric MC2.</summary>
    public static ChoiceMetric TrueMass { get; } = new("acc", (document, loglikelihoods) =>
    {
        var largest = loglikelihoods.Max(); // keeps the exponentials of long answers from vanishing
        var masses = loglikelihoods.Select(value => Math.Exp(value - largest)).ToArray();
        return masses.Take(document.TrueChoices).Sum() / masses.Sum();
    });
}
