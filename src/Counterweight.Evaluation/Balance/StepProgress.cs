namespace Counterweight.Evaluation.Balance;

/// <summary>Turns (what, done, total) steps into pieces of work; may be called by several workers.</summary>
internal sealed class StepProgress(IProgressReporter progress)
{
    private readonly Lock _gate = new();
    private string? _current;
    private IWorkProgress? _work;
    private long _done;

    public void Report(string what, int done, int total)
    {
        lock (_gate)
        {
            if (what != _current)
            {
                _work?.Dispose();
                (_current, _work, _done) = (what, progress.Begin(what, total), 0);
            }
            _work!.Advance(Math.Max(0, done - _done));
            _done = Math.Max(done, _done);
            if (done >= total)
            {
                _work.Dispose();
                (_current, _work) = (null, null);
            }
        }
    }
}
