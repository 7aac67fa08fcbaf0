using System.Numerics.Tensors;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Experts;

/// <summary>
/// The physical experts of one MoE layer. A batch is sorted by slot, each slot's run goes through three matrix products, and the outputs
/// are added in the order of each token's top-k: so scalar, batched and replicated runs give the same bits at equal precision.
/// </summary>
public sealed unsafe class ExpertBank : IParallelWork, IDisposable
{
    /// <summary>Rows of a work item: long enough to pay for widening the weights, short enough to share a busy slot between workers.</summary>
    private const int RowsPerItem = 64;

    private readonly ComputeContext _context;
    private readonly PackedExpert[] _experts; // by slot
    private readonly TokenDispatch _dispatch;
    private readonly RowWork _combine;
    private readonly ExpertFunction _function;
    private readonly int _layer, _topK, _hidden, _intermediate;
    private readonly FloatBuffer _outputs = new(); // [choices, hidden], by slot
    private readonly FloatBuffer _scratch = new(); // [workers][rows of an item, hidden + 2 · intermediate + 1]
    private readonly List<(int Slot, int First, int Count)> _items = [];
    private float* _x, _gates, _y;
    private int _rowsPerItem;

    /// <summary>Takes over the experts of the slots.</summary>
    /// <param name="context">Kernels and threads.</param>
    /// <param name="layer">MoE layer, dense layers not counted.</param>
    /// <param name="slots">The layer's slots.</param>
    /// <param name="experts">The packed expert of each slot.</param>
    /// <param name="topK">Experts of a token.</param>
    /// <param name="split">How tokens are split over the copies of an expert.</param>
    /// <param name="function">What experts compute.</param>
    public ExpertBank(
        ComputeContext context, int layer, SlotTable slots, PackedExpert[] experts, int topK, ISplitPolicy split, ExpertFunction? function = null)
    {
        _context = context;
        _layer = layer;
        _experts = experts;
        _topK = topK;
        _hidden = experts[0].Down.Outputs;
        _intermediate = experts.Max(expert => expert.Down.Inputs);
        _function = function ?? ExpertFunction.Default;
        Slots = slots;
        Split = split;
        _dispatch = new TokenDispatch(slots, topK);
        _combine = new RowWork(context.Pool, Combine);
    }

    /// <summary>The layer's slots.</summary>
    public SlotTable Slots { get; }

    /// <summary>How tokens are split over the copies of an expert.</summary>
    public ISplitPolicy Split { get; set; }

    /// <summary>Counts the tokens if set.</summary>
    public LoadRecorder? Recorder { get; set; }

    /// <summary>Sees what every expert is given if set.</summary>
    public IExpertObserver? Observer { get; set; }

    /// <summary>
    /// Logical experts that add nothing to the sum, as if their outputs were zero; the router and the weights of the others stay as they
    /// are. Null: none.
    /// </summary>
    public IReadOnlySet<int>? Removed { get; set; }

    /// <summary>Bytes that the experts of all slots hold.</summary>
    public long Bytes => _experts.Sum(expert => expert.Bytes);

    /// <summary>The packed expert of a slot.</summary>
    public PackedExpert this[int slot] => _experts[slot];

    /// <summary>Forgets how many tokens slots have had, which is where remainders of a split go.</summary>
    public void Reset() => _dispatch.Reset();

    /// <summary>y = Σⱼ gateⱼ · expertⱼ(x) over each token's top-k, or Σⱼ expertⱼ(gateⱼ · x).</summary>
    /// <param name="x">[rows, hidden].</param>
    /// <param name="rows">Tokens.</param>
    /// <param name="ids">Chosen experts, [rows, k]; negative for choices that were dropped, which add nothing.</param>
    /// <param name="gates">Router weights, [rows, k].</param>
    /// <param name="y">[rows, hidden].</param>
    /// <param name="decode">Whether this is a decoding step, for the recorder.</param>
    public void Forward(float* x, int rows, ReadOnlySpan<int> ids, float* gates, float* y, bool decode)
    {
        _x = x;
        _gates = gates;
        _y = y;
        _dispatch.Sort(ids, new ReadOnlySpan<float>(gates, rows * _topK), rows, Split);
        Recorder?.Record(_layer, decode, _dispatch.ExpertLoads, _dispatch.SlotLoads);
        CutIntoItems();
        _outputs.Reserve((long)rows * _topK * _hidden);
        _scratch.Reserve((long)_context.Pool.Workers * ScratchFloats);
        _context.Pool.Run(this, _items.Count);
        _combine.Run(rows);
    }

    private int ScratchFloats => _rowsPerItem * (_hidden + 2 * _intermediate + 1);

    private void CutIntoItems()
    {
        _items.Clear();
        _rowsPerItem = RowsPerItem;
        for (var slot = 0; slot < _experts.Length; slot++)
        {
            var load = _dispatch.SlotLoads[slot];
            var rows = StaysWhole(slot) ? Math.Max(load, 1) : RowsPerItem;
            _rowsPerItem = Math.Max(_rowsPerItem, rows);
            for (var first = 0; first < load; first += rows)
                _items.Add((slot, _dispatch.Start(slot) + first, Math.Min(rows, load - first)));
        }
    }

    /// <summary>
    /// An observer gets all rows of a slot at once, so that the sums it forms do not depend on which worker was faster; LLM.int8() finds its
    /// outlier columns over all of them.
    /// </summary>
    private bool StaysWhole(int slot) => Observer is not null || _experts[slot].Precision == Precision.LlmInt8;

    void IParallelWork.Run(int item, int worker)
    {
        var (slot, first, count) = _items[item];
        var expert = _experts[slot];
        var input = _scratch.Pointer + (long)worker * ScratchFloats; // [count, hidden]
        var gate = input + _rowsPerItem * _hidden;                   // [count, intermediate]
        var up = gate + _rowsPerItem * _intermediate;                // [count, intermediate]
        var output = _outputs.Pointer + (long)first * _hidden;       // [count, hidden]
        if (Removed?.Contains(Slots.Slots[slot].Expert) == true)
        {
            new Span<float>(output, count * _hidden).Clear();
            return;
        }
        for (var r = 0; r < count; r++)
            Gather(_dispatch.Choices[first + r], new Span<float>(input + r * _hidden, _hidden));
        expert.Forward(_context.Kernel, _function.Activation, input, count, gate, up, output);
        if (Observer is not null)
            Observe(slot, first, count, input, gate, output, up + _rowsPerItem * _intermediate);
    }

    private void Gather(int choice, Span<float> input)
    {
        var x = new ReadOnlySpan<float>(_x + (long)(choice / _topK) * _hidden, _hidden);
        if (_function.WeighsInput)
            TensorPrimitives.Multiply(x, _gates[choice], input);
        else
            x.CopyTo(input);
    }

    private float OutputWeight(int choice) => _function.WeighsInput ? 1f : _gates[choice];

    private void Observe(int slot, int first, int count, float* input, float* hidden, float* output, float* gates)
    {
        for (var r = 0; r < count; r++)
            gates[r] = OutputWeight(_dispatch.Choices[first + r]);
        Observer!.Observe(_layer, Slots.Slots[slot].Expert, new ExpertRows(count, (nint)gates, (nint)input, (nint)hidden, (nint)output));
    }

    private void Combine(int begin, int end)
    {
        for (var row = begin; row < end; row++)
        {
            var y = _y + (long)row * _hidden;
            new Span<float>(y, _hidden).Clear();
            for (var j = 0; j < _topK; j++)
            {
                var choice = row * _topK + j;
                if (_dispatch.PlaceOf[choice] is not (>= 0 and var place))
                    continue;
                var output = _outputs.Pointer + (long)place * _hidden;
                VectorMath.AddScaled(y, new ReadOnlySpan<float>(output, _hidden), OutputWeight(choice));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var expert in _experts)
            expert.Dispose();
        _outputs.Dispose();
        _scratch.Dispose();
    }
}
