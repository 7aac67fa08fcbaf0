namespace Counterweight.Engine.Threading;

/// <summary>Does something for rows [begin, end).</summary>
public delegate void RowAction(int begin, int end);

/// <summary>An operation on independent rows, cut into blocks. Made once, run for every forward pass.</summary>
public sealed class RowWork(WorkerPool pool, RowAction action) : IParallelWork
{
    /// <summary>Rows that one item takes: enough to outweigh handing it out.</summary>
    private const int RowsPerItem = 32;

    private int _rows;

    /// <summary>Runs the action over rows 0 … <paramref name="rows"/> - 1.</summary>
    public void Run(int rows)
    {
        _rows = rows;
        pool.Run(this, (rows + RowsPerItem - 1) / RowsPerItem);
    }

    void IParallelWork.Run(int item, int worker) =>
        action(item * RowsPerItem, Math.Min(_rows, (item + 1) * RowsPerItem));
}
