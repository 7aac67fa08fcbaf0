using System.Diagnostics;
using System.Globalization;

namespace Counterweight.Evaluation.Scoring;

/// <summary>Shows an evaluation in documents, with its task and speed.</summary>
internal sealed class SampleProgress(IProgressReporter reporter, string name) : IDisposable
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private IWorkProgress? _work;
    private int _samples;

    public void Report(EvaluationProgress done)
    {
        _work ??= reporter.Begin(name, done.TotalSamples);
        _work.Advance(done.Samples - _samples);
        _samples = done.Samples;
        if (done.Tokens > 0)
            _work.Describe(string.Create(CultureInfo.InvariantCulture, $"{done.Task}, {done.Tokens / _clock.Elapsed.TotalSeconds:N0} tokens/s"));
    }

    public void Dispose() => _work?.Dispose();
}
