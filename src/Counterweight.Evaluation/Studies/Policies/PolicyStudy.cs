using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Evaluation.Studies.Policies;

/// <summary>Compares ways of planning on the same text, tasks and devices.</summary>
internal sealed class PolicyStudy(string name, string title, string question, Func<StudyContext, IReadOnlyList<PolicyVariant>> variants) : IStudy
{
    public static PolicyStudy Grid { get; } = new("grid", "The grid: policies compared",
        "The paper's Table 2 with what it lacks: equal-byte baselines, bytes, devices, paired tests, speed. ", PolicyVariants.Grid);

    public static PolicyStudy Ablation { get; } = new("ablation", "Ablation: what each part does",
        "The paper's Table 3, which has no LIS, with LIS; its open choices one by one; more replicas than one. ", PolicyVariants.Ablation);

    public string Name => name;

    public string Title => title;

    public string Method => question
        + "Plans are made from calibration text alone and measured on evaluation text and tasks: LIS over slots and in the paper's form (the number of logical experts stays), the busiest slot before over after (straggler), "
        + "max over mean load of 2 to 16 devices with tokens split evenly or to the least loaded device in each batch, bytes as held, loss and accuracies paired with the model as it is. Tokens of replicated experts go to the copy of higher "
        + "precision by gate weight. Accuracies: Student's t on paired differences, exact McNemar test; Holm's correction is over all policies, tasks and metrics of this table. Requests of a task that begin alike run that part once, as a server's prefix cache has it: loads are of the tokens that were run. Speeds are medians of rounds in which all policies take turns.";

    public StudyResult Run(StudyContext context, CancellationToken cancellation)
    {
        var measurement = new VariantMeasurement(context);
        var measured = new List<MeasuredVariant>();
        var (planned, refused) = Plan(variants(context), context.Request(cancellation));
        try
        {
            using (var work = context.Progress.Begin("Measuring policies", planned.Count))
                foreach (var (variant, plan) in planned)
                {
                    measured.Add(measurement.Measure(variant, plan, cancellation));
                    work.Advance(1);
                }
            var tables = new PolicyTables(measured, (variant, traffic) => measurement.Devices(variant, traffic, cancellation));
            return new StudyResult([.. tables.Findings(), .. refused], [tables.Policies, tables.Traffic, tables.Tasks, tables.Generation])
            {
                Charts = [.. tables.Charts()],
                Timings = [new PolicySpeed(context, measurement).Measure(measured, cancellation)],
            };
        }
        finally
        {
            context.LoadOriginal();
        }
    }

    // A model may leave a policy no plan, for example none within the loss limit: the others are compared all the same.
    private static (List<(PolicyVariant Variant, Plan Plan)> Planned, List<string> Refused) Plan(IReadOnlyList<PolicyVariant> variants, PlanRequest request)
    {
        var (planned, refused) = (new List<(PolicyVariant, Plan)>(), new List<string>());
        foreach (var variant in variants)
            try
            {
                planned.Add((variant, variant.Create(request)));
            }
            catch (InvalidInputException none)
            {
                refused.Add($"{variant.Name} has no plan: {none.Message}.");
            }
        return (planned, refused);
    }
}
