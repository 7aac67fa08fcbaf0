using System.Numerics.Tensors;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Experts;

/// <summary>
/// The physical experts of one MoE layer. A batch is sorted by slot, gate and up projections of all slots are computed in tiles that the
/// workers share, then the down projections, and the outputs are added in the order of each token's top-k: so scalar, batched and
/// replicated runs give the same bits at equal precision.
/// </summary>
public sealed unsafe class ExpertBank : IParallelWork, IDisposable
{
    /// <summary>Rows of a tile: long enough to pay for widening the weights, short enough to share a busy slot between workers.</summary>
    private const int RowsPerTile = 128;

    /// <summary>Tiles that each worker should find in a phase, so that none waits long for the last one.</summary>
    private const int TilesPerWorker = 8;

    private readonly ComputeContext _context;
    private readonly PackedExpert[] _experts; // by slot
    private readonly TokenDispatch _dispatch;
    private readonly RowWork _gather, _combine;
    private readonly ObserverWork _observe;
    private readonly ExpertFunction _function;
    private readonly int _layer, _topK, _hidden, _intermediate;
    private readonly ExpertBuffers _buffers;
    private readonly List<Tile> _tiles = [];
    private float* _x, _gates, _y;
    private int _rowsPerTile;
    private bool _down;

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
        _buffers = context.ExpertBuffers;
        _gather = new RowWork(context.Pool, Gather);
        _combine = new RowWork(context.Pool, Combine);
        _observe = new ObserverWork(this);
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
        var choices = _dispatch.Placed;
        _buffers.Between.Reserve((long)choices * _intermediate);
        _buffers.Outputs.Reserve((long)choices * _hidden);
        _buffers.QuantizedBetween.Reserve(choices, _intermediate);
        GatherInputs(rows);
        Run(down: false);
        Run(down: true);
        if (Observer is not null)
            _context.Pool.Run(_observe, _experts.Length);
        _combine.Run(rows);
    }

    /// <summary>What a product takes activations as; observers see what exact arithmetic makes.</summary>
    private ActivationFormat ActivationsFor(PackedMatrix weights) => Observer is null ? _context.ActivationsFor(weights) : ActivationFormat.Single;

    /// <summary>What an expert is given besides fp32: what its up projection takes, or else its gate.</summary>
    private ActivationFormat InputFormat(PackedExpert expert) =>
        ActivationsFor(expert.Up) is var up && (up != ActivationFormat.Single || expert.Gate is null) ? up : ActivationsFor(expert.Gate);

    /// <summary>What the experts are given, in the order of the slots.</summary>
    private void GatherInputs(int rows)
    {
        _buffers.Inputs.Reserve((long)_dispatch.Placed * _hidden);
        _buffers.QuantizedInputs.Reserve(_dispatch.Placed, _hidden);
        // A token's experts share its quantized row, unless each weighs it differently.
        foreach (var format in (ReadOnlySpan<ActivationFormat>)(_function.WeighsInput ? [] : [ActivationFormat.Int8, ActivationFormat.BFloat16]))
            if (AnyTakes(format))
                _context.Quantize(format, _x, rows, _hidden, _hidden);
        _gather.Run(_dispatch.Placed);
    }

    private bool AnyTakes(ActivationFormat format)
    {
        foreach (var expert in _experts)
            if (InputFormat(expert) == format)
                return true;
        return false;
    }

    private void Gather(int begin, int end)
    {
        for (var place = begin; place < end; place++)
        {
            var choice = _dispatch.Choices[place];
            var expert = _experts[_dispatch.SlotOf(place)];
            var format = InputFormat(expert);
            if (_function.WeighsInput)
            {
                TensorPrimitives.Multiply(Token(choice), _gates[choice], new Span<float>(Input(place), _hidden));
                if (format != ActivationFormat.Single)
                    MatMulKernel.QuantizeRow(format, Input(place), _hidden, _buffers.QuantizedInputs.Rows[place]);
                continue;
            }
            if (format != ActivationFormat.Single)
                _buffers.QuantizedInputs.Rows[place] = _context.Activations(format).Rows[choice / _topK];
            if (format == ActivationFormat.Single || ActivationsFor(expert.Up) != format || (expert.Gate is not null && ActivationsFor(expert.Gate) != format))
                Token(choice).CopyTo(new Span<float>(Input(place), _hidden));
        }
    }

    private ReadOnlySpan<float> Token(int choice) => new(_x + (long)(choice / _topK) * _hidden, _hidden);

    private void Run(bool down)
    {
        _down = down;
        _tiles.Clear();
        _rowsPerTile = RowsPerTile;
        var blocks = 0;
        for (var slot = 0; slot < _experts.Length; slot++)
            blocks += (_dispatch.SlotLoads[slot] + RowsPerTile - 1) / RowsPerTile;
        var wanted = _context.Pool.Workers == 1 ? 1 : _context.Pool.Workers * TilesPerWorker;
        var cuts = (wanted + blocks - 1) / Math.Max(blocks, 1);
        for (var slot = 0; slot < _experts.Length; slot++)
            CutSlot(slot, down ? _experts[slot].Down.Panels : _experts[slot].Up.Panels, cuts);
        if (!down)
            _buffers.Scratch.Reserve((long)_context.Pool.Workers * ScratchFloats);
        _context.Pool.Run(this, _tiles.Count);
    }

    private int ScratchFloats => 2 * _rowsPerTile * _intermediate;

    private void CutSlot(int slot, int panels, int cuts)
    {
        var load = _dispatch.SlotLoads[slot];
        // LLM.int8() finds its outlier columns over all rows of an expert.
        var whole = _experts[slot].Precision == Precision.LlmInt8;
        var rows = whole ? Math.Max(load, 1) : RowsPerTile;
        _rowsPerTile = Math.Max(_rowsPerTile, rows);
        // Pairs of panels are 32 outputs, which is what the next product quantizes together.
        var pairs = (panels + 1) / 2;
        var width = 2 * (whole ? pairs : (pairs + cuts - 1) / cuts);
        for (var panel = 0; load > 0 && panel < panels; panel += width)
            for (var row = 0; row < load; row += rows)
                _tiles.Add(new Tile(slot, _dispatch.Start(slot) + row, Math.Min(rows, load - row), panel, Math.Min(width, panels - panel)));
    }

    void IParallelWork.Run(int item, int worker)
    {
        var tile = _tiles[item];
        var after = CodesOfNextItem(item);
        if (_down)
            Project(
                tile, _experts[tile.Slot].Down, _experts[tile.Slot].Biases?.Down, Between(tile.Slot, tile.First), ActivationsFor(_experts[tile.Slot].Down),
                _buffers.QuantizedBetween.Rows, Output(tile.First), after);
        else
            GateAndUp(tile, _buffers.Scratch.Pointer + (long)worker * ScratchFloats, after);
    }

    /// <summary>What the worker of this item will probably read next.</summary>
    private void* CodesOfNextItem(int item)
    {
        if (item + 1 >= _tiles.Count)
            return null;
        var tile = _tiles[item + 1];
        var expert = _experts[tile.Slot];
        return (_down ? expert.Down : expert.Gate ?? expert.Up).CodesOf(tile.FirstPanel);
    }

    /// <summary>act(gate·x + b, up·x + b) or act(up·x + b) of a tile, quantized where the down projection wants it so.</summary>
    private void GateAndUp(in Tile tile, float* scratch, void* after)
    {
        var expert = _experts[tile.Slot];
        var (input, output) = (InputFormat(expert), ActivationsFor(expert.Down));
        var quantizes = output != ActivationFormat.Single;
        var intermediate = expert.Up.Outputs;
        var inner = quantizes ? scratch + (long)_rowsPerTile * _intermediate : Between(tile.Slot, tile.First);
        var up = expert.Gate is null ? inner : scratch;
        if (expert.Gate is not null)
            Project(tile, expert.Gate, expert.Biases?.Gate, Input(tile.First), input, _buffers.QuantizedInputs.Rows, inner, expert.Up.CodesOf(tile.FirstPanel));
        Project(tile, expert.Up, expert.Biases?.Up, Input(tile.First), input, _buffers.QuantizedInputs.Rows, up, after);
        var begin = tile.FirstPanel * MatMulKernel.PanelWidth;
        var width = Math.Min(tile.Panels * MatMulKernel.PanelWidth, intermediate - begin);
        for (var r = 0; r < tile.Rows; r++)
        {
            var values = inner + (long)r * intermediate + begin;
            _function.Activation.Apply(values, up + (long)r * intermediate + begin, width);
            if (quantizes)
                MatMulKernel.QuantizeRow(output, values, width, _buffers.QuantizedBetween.Rows[tile.First + r] + MatMulKernel.QuantizedRowBytes(output, begin));
        }
    }

    /// <summary>A tile of y = W·x + b, rows of y one behind the other.</summary>
    private void Project(in Tile tile, PackedMatrix weights, float[]? bias, float* x, ActivationFormat format, byte** quantized, float* y, void* after)
    {
        if (format != ActivationFormat.Single && ActivationsFor(weights) == format)
            _context.Kernel.MultiplyQuantized(weights, tile.FirstPanel, tile.Panels, quantized + tile.First, tile.Rows, y, weights.Outputs, after);
        else
            _context.Kernel.Multiply(weights, tile.FirstPanel, tile.Panels, x, tile.Rows, weights.Inputs, y, weights.Outputs);
        if (bias is null)
            return;
        var begin = tile.FirstPanel * MatMulKernel.PanelWidth;
        var width = Math.Min(tile.Panels * MatMulKernel.PanelWidth, weights.Outputs - begin);
        for (var r = 0; r < tile.Rows; r++)
            VectorMath.Add(y + (long)r * weights.Outputs + begin, bias.AsSpan(begin, width));
    }

    private float* Input(int place) => _buffers.Inputs.Pointer + (long)place * _hidden;

    private float* Output(int place) => _buffers.Outputs.Pointer + (long)place * _hidden;

    /// <summary>A slot's rows lie one behind the other, though its experts may be narrower than others.</summary>
    private float* Between(int slot, int place) =>
        _buffers.Between.Pointer + (long)_dispatch.Start(slot) * _intermediate + (long)(place - _dispatch.Start(slot)) * _experts[slot].Down.Inputs;

    private float OutputWeight(int choice) => _function.WeighsInput ? 1f : _gates[choice];

    private void Combine(int begin, int end)
    {
        for (var row = begin; row < end; row++)
        {
            var y = _y + (long)row * _hidden;
            new Span<float>(y, _hidden).Clear();
            for (var j = 0; j < _topK; j++)
            {
                var choice = row * _topK + j;
                if (_dispatch.PlaceOf[choice] is not (>= 0 and var place) || Removed?.Contains(Slots.Slots[_dispatch.SlotOf(place)].Expert) == true)
                    continue;
                var output = _buffers.Outputs.Pointer + (long)place * _hidden;
                VectorMath.AddScaled(y, new ReadOnlySpan<float>(output, _hidden), OutputWeight(choice));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var expert in _experts)
            expert.Dispose();
    }

    /// <summary>Rows of a slot, and some of its panels.</summary>
    private readonly record struct Tile(int Slot, int First, int Rows, int FirstPanel, int Panels);

    /// <summary>Shows all rows of a slot at once, so that the sums that are formed of them do not depend on how they were shared out.</summary>
    private sealed class ObserverWork(ExpertBank bank) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            var (first, count) = (bank._dispatch.Start(item), bank._dispatch.SlotLoads[item]);
            if (count == 0)
                return;
            using var gates = AlignedBuffer.OfFloats(count);
            for (var r = 0; r < count; r++)
                gates.Floats[r] = bank.OutputWeight(bank._dispatch.Choices[first + r]);
            bank.Observer!.Observe(
                bank._layer, bank.Slots.Slots[item].Expert,
                new ExpertRows(count, (nint)gates.Floats, (nint)bank.Input(first), (nint)bank.Between(item, first), (nint)bank.Output(first)));
        }
    }
}
