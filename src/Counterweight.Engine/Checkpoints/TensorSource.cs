using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints;

/// <summary>
/// Named tensors that lie in memory-mapped files. Views are valid until the source is disposed; reading one after that throws
/// <see cref="ObjectDisposedException"/>.
/// </summary>
public abstract class TensorSource : IDisposable
{
    /// <summary>The file that lists the tensors: what messages about a missing tensor name.</summary>
    public abstract string ListedIn { get; }

    /// <summary>The names of all tensors, in ordinal order.</summary>
    public abstract IReadOnlyList<string> TensorNames { get; }

    /// <summary>The tensor of that name (exact case), or false.</summary>
    public abstract bool TryGet(string name, out TensorView tensor);

    /// <summary>Whether there is a tensor of that name.</summary>
    public bool Has(string name) => TryGet(name, out _);

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public TensorView Get(string name) => TryGet(name, out var tensor)
        ? tensor
        : throw new InvalidInputException(ListedIn, $"{TensorNames.Count} tensors, none of this name", $"tensor {InputText.Quoted(name)}");

    /// <summary>The tensor of that name, whose shape must be <paramref name="expectedShape"/>.</summary>
    /// <exception cref="InvalidInputException">There is none, or it has another shape.</exception>
    public TensorView Get(string name, params ReadOnlySpan<int> expectedShape)
    {
        var tensor = Get(name);
        tensor.RequireShape(expectedShape);
        return tensor;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the files.</summary>
    protected abstract void Dispose(bool disposing);
}
