using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Balance;

/// <summary>What a plan is written as.</summary>
public enum CheckpointFormat
{
    /// <summary>A balanced checkpoint: codes by precision and the plan, for this engine.</summary>
    Balanced,

    /// <summary>Ordinary fp32 weights under the original names, for any engine.</summary>
    HuggingFace,
}

/// <summary>Puts a plan on a model: quantizes its experts, errors compensated on calibration text, and writes the checkpoint.</summary>
/// <param name="calibration">The text; the same as for the plan gives the very checkpoint that <c>balance</c> writes.</param>
/// <param name="format">What to write.</param>
/// <param name="progress">Where to report to.</param>
public sealed class PlanApplication(CalibrationSource calibration, CheckpointFormat format, IProgressReporter progress)
{
    /// <summary>Loads the plan's experts and writes the checkpoint, whole or not at all.</summary>
    /// <param name="loaded">The original model, loaded as its checkpoint has it.</param>
    /// <param name="planFile">The plan's file.</param>
    /// <param name="folder">The folder to write.</param>
    /// <param name="cancellation">Leaves no trace.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="InvalidInputException">The plan is for another model or not valid, the text cannot be used, the place is not writable.</exception>
    public Plan Run(LoadedModel loaded, string planFile, string folder, CancellationToken cancellation = default)
    {
        var plan = LoadedModel.ReadPlan(planFile, loaded.Model);
        AtomicFolder.CheckWritable(folder);
        var experts = Experts(loaded, plan, cancellation);
        loaded.Model.LoadExperts(plan.Layers, experts, () => SplitPolicies.Create("even"), cancellation);
        using var files = new AtomicFolder(folder);
        if (format == CheckpointFormat.Balanced)
            CheckpointWriter.WriteBalanced(files.Path, loaded.Model, loaded.Checkpoint, plan, experts);
        else
            CheckpointWriter.WriteHuggingFace(files.Path, loaded.Model, loaded.Checkpoint, plan, experts);
        cancellation.ThrowIfCancellationRequested();
        files.Commit();
        return plan;
    }

    private IExpertSource Experts(LoadedModel loaded, Plan plan, CancellationToken cancellation)
    {
        // Casts and LLM.int8() have no errors that text could compensate.
        Precision[] compensated = [.. plan.Layers.SelectMany(layer => layer.Slots).Select(slot => slot.Precision).Distinct().Where(p => p is Precision.Int8 or Precision.Int4)];
        if (compensated.Length == 0)
            return loaded.Model.OriginalExperts;
        calibration.Validate();
        var calibrator = new Calibrator(loaded.Model, new CalibrationOptions(), new StepProgress(progress).Report);
        return calibrator.Quantize(calibration.Read(loaded, progress, cancellation), compensated, cancellation);
    }
}
