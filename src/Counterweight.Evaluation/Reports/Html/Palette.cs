using Counterweight.Balancing.Plans;

namespace Counterweight.Evaluation.Reports.Html;

/// <summary>The class names that the style sheet gives colours to.</summary>
internal static class Palette
{
    public const string Before = "before";
    public const string After = "after";
    public const string AfterLeastLoaded = "after-least-loaded";
    public const string Untouched = "untouched";
    public const string Replicated = "replicated";
    public const string Lowered = "lowered";

    public static string Of(Precision precision) => "precision-" + precision.Name().Replace('.', '-');

    public static string Of(Verdict verdict) => verdict switch
    {
        Verdict.Better => "better",
        Verdict.Worse => "worse",
        _ => "same",
    };
}
