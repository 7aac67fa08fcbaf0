namespace Counterweight.Engine.Threading;

/// <summary>Independent items by an action of (item, worker): for work at load or calibration time, where an allocation does not matter.</summary>
internal sealed class ItemWork(Action<int, int> action) : IParallelWork
{
    public void Run(int item, int worker) => action(item, worker);
}
