using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Generation;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Studies.Policies;

/// <summary>Greedy continuations and the loads of the steps that made them.</summary>
internal sealed record MeasuredGeneration(int[][] Tokens, MeasuredTraffic Traffic)
{
    /// <summary>Share of the tokens before the first one that differs; null where nothing was written.</summary>
    public double? SameTokens(MeasuredGeneration other) => Tokens.Length == 0 ? null :
        (double)Tokens.Zip(other.Tokens).Sum(pair => pair.First.AsSpan().CommonPrefixLength(pair.Second)) / Tokens.Sum(text => text.Length);
}

/// <summary>All that is measured of one variant.</summary>
/// <param name="Variant">How it was planned.</param>
/// <param name="Plan">The plan.</param>
/// <param name="ExpertBytes">Bytes that the process holds for experts.</param>
/// <param name="Text">Loss on evaluation text.</param>
/// <param name="TextTraffic">Loads on it.</param>
/// <param name="Tasks">Samples by task or group, with the loads of evaluating it.</param>
/// <param name="Generation">Continuations of evaluation text.</param>
internal sealed record MeasuredVariant(
    PolicyVariant Variant, Plan Plan, long ExpertBytes, PerplexityResult Text, MeasuredTraffic TextTraffic,
    IReadOnlyList<MeasuredTask> Tasks, MeasuredGeneration Generation);

/// <summary>Puts plans on the model and measures it, the same steps for each.</summary>
internal sealed class VariantMeasurement(StudyContext context)
{
    private const int PromptTokens = 32;
    private const int GeneratedTokens = 24;

    /// <summary>Measures a plan; the model is left under it.</summary>
    public MeasuredVariant Measure(PolicyVariant variant, Plan plan, CancellationToken cancellation)
    {
        Load(variant, plan, cancellation);
        var (text, traffic) = MeasureText(cancellation);
        var tasks = new TaskMeasurement(context).Measure(variant.Name, cancellation);
        return new MeasuredVariant(variant, plan, context.Model.ExpertBytes, text, traffic, tasks, Generate(cancellation));
    }

    /// <summary>Loads the experts of a plan.</summary>
    public void Load(PolicyVariant variant, Plan plan, CancellationToken cancellation) =>
        context.Model.LoadExperts(plan.Layers, context.Calibration(cancellation).Experts, () => SplitPolicies.Create(variant.Split), cancellation);

    /// <summary>Device imbalance by device count and split.</summary>
    public IReadOnlyDictionary<int, IReadOnlyDictionary<string, Imbalance>> Devices(MeasuredVariant measured, MeasuredTraffic traffic, CancellationToken cancellation)
    {
        var plan = measured.Variant.Policy == "none" ? null : measured.Plan;
        return Traffic.DeviceImbalance(Traffic.Placements(measured.Plan.Layers, plan, context.Calibration(cancellation).Traces), traffic.Windows);
    }

    private (PerplexityResult Loss, MeasuredTraffic Traffic) MeasureText(CancellationToken cancellation)
    {
        var options = context.Options;
        context.Model.ResetSplits();
        using var meter = new TrafficMeter(context.Model);
        using var scorer = new ModelScorer(context.Model) { PassDone = meter.PassDone };
        var text = new TextPerplexity(scorer, RequestTokenizer.Of(context.Loaded));
        var files = options.EvaluationFiles.SelectMany(file => text.Measure([file], options.EvaluationTokens, null, cancellation).Files);
        return (new PerplexityResult([.. files]), meter.Traffic);
    }

    private MeasuredGeneration Generate(CancellationToken cancellation)
    {
        var model = context.Model;
        var requests = context.EvaluationTexts.SelectMany(text => text.Sequences.Where(sequence => sequence.Length > PromptTokens).Take(context.Quick ? 2 : 8))
            .Select(sequence => new GenerationRequest(sequence[..PromptTokens], GeneratedTokens, SamplingOptions.Greedy, IgnoreEnd: true)).ToArray();
        var tokens = requests.Select(_ => new List<int>()).ToArray();
        model.ResetSplits();
        using var meter = new TrafficMeter(model);
        using var session = new GenerationSession(model, requests);
        for (var drawn = new List<GeneratedToken>(); !session.Done; drawn.Clear())
        {
            cancellation.ThrowIfCancellationRequested();
            session.Step(drawn);
            meter.PassDone();
            foreach (var token in drawn)
                tokens[token.Request].Add(token.Token);
        }
        // Steps that read prompts are left out. An encoder has no part in others: the last layer tells.
        var decoding = meter.Traffic.Passes.Where(pass => pass.Decode[pass.Decode.Layers - 1].ToArray().Sum() > 0);
        return new MeasuredGeneration([.. tokens.Select(list => list.ToArray())], new MeasuredTraffic([.. decoding]));
    }
}
