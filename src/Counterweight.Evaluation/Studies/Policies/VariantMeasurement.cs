using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Generation;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Studies.Policies;

/// <summary>Greedy continuations and the loads of making them.</summary>
internal sealed record MeasuredGeneration(int[][] Tokens, ExpertLoads Logical, long[][] Slots);

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
    IReadOnlyList<(string Name, EvaluationResults Results, MeasuredTraffic Traffic)> Tasks, MeasuredGeneration Generation);

/// <summary>Puts plans on the model and measures it, the same steps for each.</summary>
internal sealed class VariantMeasurement(StudyContext context)
{
    private const string Split = "by-gate";
    private const int PromptTokens = 32;
    private const int GeneratedTokens = 24;

    /// <summary>Measures a plan; the model is left under it.</summary>
    public MeasuredVariant Measure(PolicyVariant variant, Plan plan, CancellationToken cancellation)
    {
        Load(plan, cancellation);
        var (model, options) = (context.Model, context.Options);
        using var scorer = new ModelScorer(model);
        var tokenizer = RequestTokenizer.Of(context.Loaded);
        var text = new TextPerplexity(scorer, tokenizer);
        var (loss, traffic) = TrafficMeter.During(model, scorer, () => new PerplexityResult(
            [.. options.EvaluationFiles.SelectMany(file => text.Measure([file], options.EvaluationTokens, null, cancellation).Files)]));
        var tasks = options.Tasks.Select(name =>
        {
            var (results, loads) = TrafficMeter.During(model, scorer, () => new Evaluator(scorer, tokenizer).Run(
                [TaskRegistry.Find(name, options.TaskData)], options.TaskData, new EvaluationOptions { Model = options.Model, Limit = options.Limit }, null, cancellation));
            return (name, results, loads);
        }).ToArray();
        return new MeasuredVariant(variant, plan, model.ExpertBytes, loss, traffic, tasks, Generate(cancellation));
    }

    /// <summary>Loads the experts of a plan.</summary>
    public void Load(Plan plan, CancellationToken cancellation) =>
        context.Model.LoadExperts(plan.Layers, context.Calibration(cancellation).Experts, () => SplitPolicies.Create(Split), cancellation);

    /// <summary>Device imbalance by device count and split.</summary>
    public IReadOnlyDictionary<int, IReadOnlyDictionary<string, Imbalance>> Devices(MeasuredVariant measured, MeasuredTraffic traffic, CancellationToken cancellation)
    {
        var plan = measured.Variant.Policy == "none" ? null : measured.Plan;
        return Traffic.DeviceImbalance(Traffic.Placements(measured.Plan.Layers, plan, context.Calibration(cancellation).Traces), traffic.Windows);
    }

    private MeasuredGeneration Generate(CancellationToken cancellation)
    {
        var model = context.Model;
        var requests = context.EvaluationTexts.SelectMany(text => text.Sequences.Where(sequence => sequence.Length > PromptTokens).Take(context.Quick ? 2 : 8))
            .Select(sequence => new GenerationRequest(sequence[..PromptTokens], GeneratedTokens, SamplingOptions.Greedy, IgnoreEnd: true)).ToArray();
        var tokens = requests.Select(_ => new List<int>()).ToArray();
        var slots = model.Banks.Select(bank => new long[bank.Slots.Slots.Count]).ToArray();
        model.ResetSplits();
        var decode = new ExpertLoads(model.Banks.Count, model.Shape.Experts);
        try
        {
            using var session = new GenerationSession(model, requests);
            for (var drawn = new List<GeneratedToken>(); !session.Done; drawn.Clear())
            {
                cancellation.ThrowIfCancellationRequested();
                var recorder = new LoadRecorder(model.Banks);
                model.Recorder = recorder;
                session.Step(drawn);
                foreach (var token in drawn)
                    tokens[token.Request].Add(token.Token);
                AddDecoding(recorder, decode, slots);
            }
        }
        finally
        {
            model.Recorder = null;
        }
        return new MeasuredGeneration([.. tokens.Select(list => list.ToArray())], decode, slots);
    }

    // Steps that read prompts have loads of both phases in their slots: they are left out.
    private static void AddDecoding(LoadRecorder recorder, ExpertLoads decode, long[][] slots)
    {
        var isDecode = recorder.Decode[0].ToArray().Sum() > 0;
        if (!isDecode)
            return;
        decode.Add(recorder.Decode);
        for (var l = 0; l < slots.Length; l++)
            for (var s = 0; s < slots[l].Length; s++)
                slots[l][s] += recorder.Slots(l)[s];
    }
}
