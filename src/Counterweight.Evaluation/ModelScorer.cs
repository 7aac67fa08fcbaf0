using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;

namespace Counterweight.Evaluation;

/// <summary>Scores requests with a model: longest first, several sequences a pass, no padding, logits of scored rows only.</summary>
public sealed unsafe class ModelScorer : ITokenScorer, IParallelWork, IDisposable
{
    /// <summary>Tokens of a pass: enough rows for every expert, little enough activation memory (about 40 MB for the bundled model).</summary>
    public const int TokensPerPass = 4096;

    /// <summary>Rows that a worker turns into log-probabilities at once; their logits should stay in its L2 cache.</summary>
    private const int RowsPerItem = 32;

    private readonly MoeModel _model;
    private readonly Batch _batch = new();
    private readonly SequenceCaches _caches;
    private readonly FloatBuffer _gathered = new(); // [workers][RowsPerItem, hidden]
    private readonly FloatBuffer _logits = new();   // [workers][RowsPerItem, vocabulary]
    private readonly List<int> _rows = [];          // rows of the pass with something to read, ascending
    private readonly List<int> _firstRead = [];     // of each of them, and the end
    private readonly List<TargetRead> _reads = [];
    private double[] _logProbabilities = [];        // of all targets of a call, one request after the other
    private bool[] _greedy = [];

    /// <summary>A scorer; the model stays the caller's.</summary>
    public ModelScorer(MoeModel model)
    {
        _model = model;
        _caches = new SequenceCaches(model);
        _gathered.Reserve((long)model.Context.Pool.Workers * RowsPerItem * model.Shape.Hidden);
        _logits.Reserve((long)model.Context.Pool.Workers * RowsPerItem * model.Shape.Vocabulary);
    }

    /// <inheritdoc/>
    public int MaxLength => _model.Shape.MaxPositions;

    /// <summary>
    /// Runs what inputs of a call begin with alike only once, and starts every call with fresh splits, so that its result does not depend on earlier calls: for
    /// tasks. Off (default) every token of every request is run, as recorded loads need it. Where experts have copies of one precision only, both give the same bits.
    /// </summary>
    public bool SharesPrefixes { get; init; }

    /// <summary>Told after every pass: for cutting recorded loads into windows.</summary>
    public Action? PassDone { get; set; }

    /// <summary>Tokens that went through the model so far: fewer than were scored where prefixes are shared.</summary>
    public long ComputedTokens { get; private set; }

    /// <inheritdoc/>
    public TokenScore[] Score(IReadOnlyList<TokenRequest> requests, Action<int>? scored = null, CancellationToken cancellation = default)
    {
        if (SharesPrefixes)
            _model.ResetSplits();
        var places = new int[requests.Count + 1];
        for (var i = 0; i < requests.Count; i++)
            places[i + 1] = places[i] + requests[i].Targets.Length;
        if (_greedy.Length < places[^1])
            (_logProbabilities, _greedy) = (new double[places[^1]], new bool[places[^1]]);
        _caches.ReturnAll();
        // What an encoder has read depends on where the targets begin, so inputs that begin alike have nothing in common.
        var share = SharesPrefixes && _model.Shape.DecoderStart is null;
        foreach (var pass in ScoringPlan.Passes(requests, places, share, TokensPerPass))
        {
            cancellation.ThrowIfCancellationRequested();
            Run(pass);
            scored?.Invoke(pass.Sum(input => input.Ids.Length * input.Requests));
        }
        return [.. requests.Select((_, i) => ResultOf(places[i], places[i + 1]))];
    }

    private void Run(List<PlannedInput> pass)
    {
        _caches.Begin(pass);
        _batch.Clear();
        _rows.Clear();
        _firstRead.Clear();
        _reads.Clear();
        foreach (var input in pass)
        {
            if (input.Start > 0)
                _batch.Add(input.Cache!, input.OwnIds);
            else
                _model.AddContinuation(_batch, input.Cache!, input.Ids, input.Targets);
            AddReads(input, _batch.Rows - input.Ids.Length);
        }
        _firstRead.Add(_reads.Count);
        _model.Forward(_batch);
        _model.Context.Pool.Run(this, (_rows.Count + RowsPerItem - 1) / RowsPerItem);
        _caches.End(pass);
        ComputedTokens += _batch.Rows;
        PassDone?.Invoke();
    }

    /// <param name="input">An input whose rows are in the batch.</param>
    /// <param name="firstRow">Where its first token would lie if all of them had been run: the rows that are read are the last ones.</param>
    private void AddReads(PlannedInput input, int firstRow)
    {
        input.Reads.Sort((a, b) => a.Position.CompareTo(b.Position));
        foreach (var read in input.Reads)
        {
            var row = firstRow + read.Position;
            if (_rows.Count == 0 || _rows[^1] != row)
            {
                _rows.Add(row);
                _firstRead.Add(_reads.Count);
            }
            _reads.Add(read);
        }
    }

    void IParallelWork.Run(int item, int worker)
    {
        var begin = item * RowsPerItem;
        var rows = CollectionsMarshal.AsSpan(_rows)[begin..Math.Min(_rows.Count, begin + RowsPerItem)];
        var (hidden, vocabulary) = (_model.Shape.Hidden, _model.Shape.Vocabulary);
        var logits = _logits.Pointer + (long)worker * RowsPerItem * vocabulary;
        _model.LogitsOnThisThread(rows, _gathered.Pointer + (long)worker * RowsPerItem * hidden, logits);
        var reads = CollectionsMarshal.AsSpan(_reads);
        for (var r = 0; r < rows.Length; r++)
            ReadRow(new Span<float>(logits + (long)r * vocabulary, vocabulary), reads[_firstRead[begin + r].._firstRead[begin + r + 1]]);
    }

    private void ReadRow(Span<float> logits, ReadOnlySpan<TargetRead> reads)
    {
        var best = TensorPrimitives.IndexOfMax(logits);
        TensorPrimitives.Subtract(logits, logits[best], logits);
        foreach (var read in reads)
            (_logProbabilities[read.Place], _greedy[read.Place]) = (logits[read.Target], best == read.Target);
        TensorPrimitives.Exp(logits, logits);
        var total = Math.Log(TensorPrimitives.Sum<float>(logits));
        foreach (var read in reads)
            _logProbabilities[read.Place] -= total;
    }

    private TokenScore ResultOf(int begin, int end)
    {
        var sum = 0.0;
        var greedy = true;
        for (var place = begin; place < end; place++)
        {
            sum += _logProbabilities[place];
            greedy &= _greedy[place];
        }
        return new TokenScore(sum, greedy);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _caches.Dispose();
        _gathered.Dispose();
        _logits.Dispose();
    }
}
