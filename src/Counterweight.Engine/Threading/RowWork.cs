namespace Counterweight.Engine.Threading;

/// <summary>Does something for rows [begin, end).</summary>
public delegate void RowAction(int begin, int end);

/// <summary>An operation on independent rows, cut into blocks. Made once, run for every forward pass.</summary>
public sealed class RowWork(WorkerPool pool, RowAction action) : IParallelWork
{
    /// <summary>Fewest rows that an item takes: enough to outweigh handing it out.</summary>
    private const int MinRowsPerItem = 4;

    /// <summary>Items that each worker should find, so that none waits long for the last one.</summary>
    private const int ItemsPerWorker = 16;

    private int _rows, _rowsPerItem;

    /// <summary>Runs the action over rows 0 … <paramref name="rows"/> - 1.</summary>
    public void Run(int rows)
    {
        _rows = rows;
        _rowsPerItem = Math.Max(MinRowsPerItem, rows / (pool.Workers * ItemsPerWorker));
        pool.Run(this, (rows + _rowsPerItem - 1) / _rowsPerItem);
    }

    void IParallelWork.Run(int item, int worker) =>
        action(item * _rowsPerItem, Math.Min(_rows, (item + 1) * _rowsPerItem));
}
