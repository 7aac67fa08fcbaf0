namespace Counterweight.Evaluation;

/// <summary>Where long work says how far it is. Implementations may be called from several threads.</summary>
public interface IProgressReporter
{
    /// <summary>Begins a piece of work; disposing what is returned ends it.</summary>
    /// <param name="name">What is being done, for example <c>calibrate</c>.</param>
    /// <param name="total">Units of work, for example tokens; 0 where it isn't known.</param>
    IWorkProgress Begin(string name, long total);
}

/// <summary>One piece of work under way.</summary>
public interface IWorkProgress : IDisposable
{
    /// <summary>Adds finished units of work, 0 or more.</summary>
    void Advance(long amount);

    /// <summary>Says more of what is being done, for example how fast, in place of what was said before.</summary>
    void Describe(string detail) { }
}

/// <summary>Tells nobody.</summary>
public sealed class SilentProgress : IProgressReporter, IWorkProgress
{
    /// <summary>The only one.</summary>
    public static SilentProgress Instance { get; } = new();

    private SilentProgress() { }

    /// <inheritdoc/>
    public IWorkProgress Begin(string name, long total) => this;

    /// <inheritdoc/>
    public void Advance(long amount) { }

    /// <inheritdoc/>
    public void Dispose() { }
}
