namespace Counterweight.Engine.Threading;

/// <summary>Independent items by an action: for work at load or calibration time, where an allocation does not matter.</summary>
internal sealed class ItemWork(Action<int> action) : IParallelWork
{
    public void Run(int item, int worker) => action(item);
}
