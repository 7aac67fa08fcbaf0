using System.Numerics.Tensors;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;

namespace Counterweight.Evaluation;

/// <summary>Scores requests with a model: longest first, several sequences a pass, no padding.</summary>
public sealed unsafe class ModelScorer : ITokenScorer, IParallelWork, IDisposable
{
    /// <summary>Tokens of a pass: enough rows for every expert, little enough activation memory (about 40 MB for the bundled model).</summary>
    public const int TokensPerPass = 4096;

    /// <summary>Rows that a worker turns into log-probabilities at once; their logits should stay in its L2 cache.</summary>
    private const int RowsPerItem = 32;

    private readonly MoeModel _model;
    private readonly Batch _batch = new();
    private readonly List<KvSequence> _caches = [];
    private readonly FloatBuffer _logits = new(); // [workers][RowsPerItem, vocabulary]
    private int[] _targets = [];                  // target of each row, -1: not scored
    private double[] _logProbabilities = [];
    private bool[] _greedy = [];

    /// <summary>A scorer; the model stays the caller's.</summary>
    public ModelScorer(MoeModel model)
    {
        _model = model;
        _logits.Reserve((long)model.Context.Pool.Workers * RowsPerItem * model.Shape.Vocabulary);
    }

    /// <inheritdoc/>
    public int MaxLength => _model.Shape.MaxPositions;

    /// <summary>Told after every pass: for cutting recorded loads into windows.</summary>
    public Action? PassDone { get; set; }

    /// <inheritdoc/>
    public TokenScore[] Score(IReadOnlyList<TokenRequest> requests, Action<int>? scored = null, CancellationToken cancellation = default)
    {
        var results = new TokenScore[requests.Count];
        var order = Enumerable.Range(0, requests.Count).OrderByDescending(i => requests[i].Input.Length).ThenBy(i => i).ToArray();
        for (var next = 0; next < order.Length;)
        {
            cancellation.ThrowIfCancellationRequested();
            var first = next;
            _batch.Clear();
            for (var tokens = 0; next < order.Length && (next == first || tokens + requests[order[next]].Input.Length <= TokensPerPass); next++)
            {
                tokens += requests[order[next]].Input.Length;
                Add(requests[order[next]], next - first);
            }
            RunPass();
            for (var i = first; i < next; i++)
                results[order[i]] = ResultOf(i - first);
            scored?.Invoke(_batch.Rows);
        }
        return results;
    }

    private void Add(TokenRequest request, int place)
    {
        if (place == _caches.Count)
            _caches.Add(_model.NewSequence());
        _caches[place].Truncate(0);
        var row = _batch.Rows;
        _model.AddContinuation(_batch, _caches[place], request.Input, request.Targets);
        if (_targets.Length < _batch.Rows)
        {
            var size = Math.Max(_batch.Rows, TokensPerPass);
            Array.Resize(ref _targets, size);
            Array.Resize(ref _logProbabilities, size);
            Array.Resize(ref _greedy, size);
        }
        _targets.AsSpan(row, _batch.Rows - row).Fill(-1);
        request.Targets.CopyTo(_targets, _batch.Rows - request.Targets.Length);
    }

    private void RunPass()
    {
        _model.Forward(_batch);
        _model.Context.Pool.Run(this, (_batch.Rows + RowsPerItem - 1) / RowsPerItem);
        PassDone?.Invoke();
    }

    void IParallelWork.Run(int item, int worker)
    {
        var begin = item * RowsPerItem;
        var end = Math.Min(_batch.Rows, begin + RowsPerItem);
        // Scored rows are the last ones of each sequence, so whole items often have none.
        while (begin < end && _targets[begin] < 0)
            begin++;
        while (end > begin && _targets[end - 1] < 0)
            end--;
        if (begin == end)
            return;
        var vocabulary = _model.Shape.Vocabulary;
        var logits = _logits.Pointer + (long)worker * RowsPerItem * vocabulary;
        _model.LogitsOnThisThread(begin, end - begin, logits);
        for (var row = begin; row < end; row++)
            if (_targets[row] >= 0)
                ScoreRow(row, new Span<float>(logits + (long)(row - begin) * vocabulary, vocabulary));
    }

    private void ScoreRow(int row, Span<float> logits)
    {
        var target = _targets[row];
        var best = TensorPrimitives.IndexOfMax(logits);
        var max = logits[best];
        var wanted = logits[target] - max;
        TensorPrimitives.Subtract(logits, max, logits);
        TensorPrimitives.Exp(logits, logits);
        _logProbabilities[row] = wanted - Math.Log(TensorPrimitives.Sum<float>(logits));
        _greedy[row] = best == target;
    }

    private TokenScore ResultOf(int sequence)
    {
        var (_, first, rows) = _batch[sequence];
        var sum = 0.0;
        var greedy = true;
        for (var row = first; row < first + rows; row++)
        {
            if (_targets[row] < 0)
                continue;
            sum += _logProbabilities[row];
            greedy &= _greedy[row];
        }
        return new TokenScore(sum, greedy);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _caches.ForEach(cache => cache.Dispose());
        _logits.Dispose();
    }
}
