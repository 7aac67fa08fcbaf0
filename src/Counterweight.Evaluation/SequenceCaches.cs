using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;

namespace Counterweight.Evaluation;

/// <summary>Gives the inputs of a pass their keys and values: an empty cache, a copy of what another input begins with, or that input's own cache once nobody else needs it.</summary>
internal sealed class SequenceCaches(MoeModel model) : IParallelWork, IDisposable
{
    private readonly List<KvSequence> _all = [];
    private readonly Stack<KvSequence> _free = [];
    private readonly List<PlannedInput> _copies = [];

    /// <summary>Takes back what a call that ended early has left.</summary>
    public void ReturnAll()
    {
        _free.Clear();
        _all.ForEach(_free.Push);
    }

    /// <summary>Sets the caches of the inputs, each as long as the input's start.</summary>
    public void Begin(List<PlannedInput> pass)
    {
        _copies.Clear();
        foreach (var input in pass)
            if (input.Source is not { } source)
            {
                input.Cache = Take();
                input.Cache.Truncate(0);
            }
            else if (--source.Dependents > 0)
            {
                input.Cache = Take();
                _copies.Add(input);
            }
        model.Context.Pool.Run(this, _copies.Count);
        foreach (var input in pass)
            if (input.Cache is null)
            {
                (input.Cache, input.Source!.Cache) = (input.Source.Cache, null);
                input.Cache!.Truncate(input.Start);
            }
    }

    /// <summary>Takes back the caches of inputs that nobody continues.</summary>
    public void End(List<PlannedInput> pass)
    {
        foreach (var input in pass)
            if (input.Dependents == 0)
            {
                _free.Push(input.Cache!);
                input.Cache = null;
            }
    }

    void IParallelWork.Run(int item, int worker)
    {
        var input = _copies[item];
        input.Cache!.CopyFrom(input.Source!.Cache!, input.Start);
    }

    private KvSequence Take()
    {
        if (_free.TryPop(out var cache))
            return cache;
        _all.Add(model.NewSequence());
        return _all[^1];
    }

    public void Dispose() => _all.ForEach(cache => cache.Dispose());
}
