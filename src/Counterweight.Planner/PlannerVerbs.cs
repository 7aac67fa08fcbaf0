using System.CommandLine;
using Counterweight.Balancing;
using Counterweight.Planner.Verbs;

namespace Counterweight.Planner;

/// <summary>The verbs that plan for serving engines. Other command lines mount them as they are.</summary>
public static class PlannerVerbs
{
    private const int Done = 0, Failed = 1, WrongUse = 2;

    /// <summary>Adds <c>plan</c>, <c>score</c>, <c>diff</c>, <c>export</c> and <c>stream</c>, and <c>inspect</c> for loads and plans.</summary>
    /// <param name="root">The command line.</param>
    /// <param name="withInspect">False where the command line has an <c>inspect</c> of its own, which may call <see
    /// cref="Inspect"/>.</param>
    public static void AddTo(RootCommand root, bool withInspect = true)
    {
        root.Add(PlanVerb.Create());
        root.Add(ScoreVerb.Create());
        root.Add(DiffVerb.Create());
        root.Add(ExportVerb.Create());
        root.Add(StreamVerb.Create());
        if (withInspect)
            root.Add(InspectVerb.Create());
    }

    /// <summary>Describes a file of recorded loads or a plan of any engine on <paramref name="output"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="output">Where the description goes.</param>
    /// <param name="json">File for the same figures as one JSON document; null for none.</param>
    /// <exception cref="InvalidInputException">It is neither, or is broken.</exception>
    public static void Inspect(string path, TextWriter output, string? json) => InspectVerb.Describe(path, new PlanSource(null, null, null), output, json);

    /// <summary>Parses and runs: 0 done, 1 the work failed or a check did not hold, 2 wrong use.</summary>
    public static int Run(RootCommand root, string[] args)
    {
        var parsed = root.Parse(args);
        if (parsed.Errors.Count == 0)
            return parsed.Invoke();
        foreach (var error in parsed.Errors)
            Console.Error.WriteLine(error.Message);
        return WrongUse;
    }

    /// <summary>Gives a command its work, and turns what users can cause into one line on stderr.</summary>
    internal static void Does(this Command command, Func<ParseResult, bool> work) => command.SetAction(parsed =>
    {
        try
        {
            return work(parsed) ? Done : Failed;
        }
        catch (InvalidInputException e)
        {
            parsed.InvocationConfiguration.Error.WriteLine(e.Message);
            return e.Where.StartsWith('-') ? WrongUse : Failed;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            parsed.InvocationConfiguration.Error.WriteLine(e.Message);
            return Failed;
        }
    });
}
