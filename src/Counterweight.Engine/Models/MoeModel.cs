using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>What callers need to know of a model.</summary>
/// <param name="ModelType">The config's <c>model_type</c>.</param>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="ExpertIntermediate">Width inside an expert, of the widest one where they differ.</param>
/// <param name="Layers">Layers, dense ones counted, an encoder's before the decoder's.</param>
/// <param name="MoeLayers">Layer numbers of the MoE layers, ascending.</param>
/// <param name="Experts">Logical experts of an MoE layer.</param>
/// <param name="TopK">Experts of a token.</param>
/// <param name="Vocabulary">Number of token ids.</param>
/// <param name="MaxPositions">Longest sequence the model was made for.</param>
/// <param name="BosToken">Id that starts a text, if the config has one.</param>
/// <param name="EosTokens">Ids that end a text.</param>
public sealed record ModelShape(
    string ModelType, int Hidden, int ExpertIntermediate, int Layers, IReadOnlyList<int> MoeLayers, int Experts, int TopK,
    int Vocabulary, int MaxPositions, int? BosToken, IReadOnlyList<int> EosTokens)
{
    /// <summary>How many of the layers are an encoder's; 0 for a decoder alone.</summary>
    public int EncoderLayers { get; init; }

    /// <summary>The token that the decoder of an encoder-decoder starts with; null for a decoder alone.</summary>
    public int? DecoderStart { get; init; }

    /// <summary>The place of a layer among the MoE layers.</summary>
    public int BankOf(int layer) => MoeLayers.ToList().IndexOf(layer);
}

/// <summary>
/// A decoder with sparse Mixture-of-Experts layers: token ids in, hidden states and logits out. One forward pass at a time.
/// </summary>
public abstract unsafe class MoeModel : IDisposable
{
    private readonly List<ExpertBank> _banks = [];
    private ExpertCosts? _costs;

    /// <summary>Sets what every family has.</summary>
    protected MoeModel(ComputeContext context, ModelShape shape)
    {
        Context = context;
        Shape = shape;
    }

    /// <summary>Kernels and threads.</summary>
    public ComputeContext Context { get; }

    /// <summary>Sizes.</summary>
    public ModelShape Shape { get; }

    /// <summary>The experts as the checkpoint has them.</summary>
    public abstract IExpertSource OriginalExperts { get; }

    /// <summary>Where the original weights of an expert lie.</summary>
    /// <param name="layer">MoE layer, dense layers not counted.</param>
    /// <param name="expert">Logical expert.</param>
    public abstract ExpertPlaces ExpertPlaces(int layer, int expert);

    /// <summary>What experts compute.</summary>
    public virtual ExpertFunction ExpertFunction => ExpertFunction.Default;

    /// <summary>What plans for this model are checked against.</summary>
    public abstract ModelFingerprint Fingerprint { get; }

    /// <summary>The physical experts of each MoE layer, in the order of <see cref="ModelShape.MoeLayers"/>.</summary>
    public IReadOnlyList<ExpertBank> Banks => _banks;

    /// <summary>Bytes that all physical experts hold.</summary>
    public long ExpertBytes => _banks.Sum(bank => bank.Bytes);

    /// <summary>Bytes of all weights that are not experts, as held.</summary>
    public abstract long DenseBytes { get; }

    /// <summary>Bytes of every expert at every precision that the engine can hold.</summary>
    public ExpertCosts ExpertCosts => _costs ??= ModelExpertCosts.Of(this);

    /// <summary>Where the caches of sequences lie.</summary>
    public abstract KvPagePool KvPages { get; }

    /// <summary>Where the caches of what an encoder reads lie; null without an encoder.</summary>
    public virtual KvPagePool? SourcePages => null;

    /// <summary>An empty cache for a sequence.</summary>
    public KvSequence NewSequence() => new(KvPages) { Source = SourcePages is { } pages ? new KvSequence(pages) : null };

    /// <summary>Whether expert capacity, where a family has one, is counted in each pass for itself instead of over the text; default false.</summary>
    /// <remarks>Implementations whose cached decoder sees one token at a time never drop one then. Counting over the text gives the same results with any passes.</remarks>
    public bool CapacityByPass { get; set; }

    /// <summary>Adds a text that is to be continued: a decoder is given it, an encoder-decoder reads it and begins with its start token.</summary>
    public virtual void AddPrompt(Batch batch, KvSequence cache, ReadOnlySpan<int> prompt) => batch.Add(cache, prompt);

    /// <summary>
    /// Adds a text whose end is to be predicted; the last rows of the sequence are those that predict <paramref name="targets"/>. A decoder is given the input; an
    /// encoder-decoder reads what stands before the targets, and its decoder is given them, one token later.
    /// </summary>
    /// <param name="batch">The batch.</param>
    /// <param name="cache">The sequence, empty.</param>
    /// <param name="input">The text but for its last token.</param>
    /// <param name="targets">The text's last tokens, [1..input.Length].</param>
    public virtual void AddContinuation(Batch batch, KvSequence cache, ReadOnlySpan<int> input, ReadOnlySpan<int> targets) => batch.Add(cache, input);

    /// <summary>Adds a whole text: a decoder is given it, an encoder-decoder reads its first half and is given the second to write (prefix language modelling).</summary>
    public void AddText(Batch batch, KvSequence cache, ReadOnlySpan<int> text)
    {
        if (Shape.DecoderStart is null)
            batch.Add(cache, text);
        else if (text.Length == 1)
            AddPrompt(batch, cache, text);
        else
            AddContinuation(batch, cache, text[..^1], text[((text.Length + 1) / 2)..]);
    }

    /// <summary>Runs the batch, stores its keys and values and advances its sequences. Results stay until the next pass.</summary>
    public abstract void Forward(Batch batch, IForwardTrace? trace = null);

    /// <summary>Logits of rows of the last batch.</summary>
    /// <param name="firstRow">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="logits">Receives [rows, vocabulary].</param>
    public abstract void Logits(int firstRow, int rows, float* logits);

    /// <summary>The same on the calling thread alone, so that workers can share out rows among themselves.</summary>
    public abstract void LogitsOnThisThread(int firstRow, int rows, float* logits);

    /// <summary>Logits of rows that lie apart, on the calling thread alone.</summary>
    /// <param name="rows">Rows of the last batch.</param>
    /// <param name="gathered">Room for [rows, hidden].</param>
    /// <param name="logits">Receives [rows, vocabulary].</param>
    public abstract void LogitsOnThisThread(ReadOnlySpan<int> rows, float* gathered, float* logits);

    /// <summary>Loads the physical experts of a plan; the former ones are freed once all new ones are there.</summary>
    /// <param name="layers">The slots of every MoE layer.</param>
    /// <param name="source">Where experts come from.</param>
    /// <param name="split">How tokens are split over copies; made anew for each layer.</param>
    /// <param name="cancellation">Leaves the former experts in place.</param>
    public void LoadExperts(IReadOnlyList<LayerPlan> layers, IExpertSource source, Func<ISplitPolicy> split, CancellationToken cancellation = default)
    {
        var banks = new List<ExpertBank>();
        try
        {
            for (var l = 0; l < layers.Count; l++)
            {
                banks.Add(ExpertBankLoader.Load(Context, l, layers[l].Slots, Shape, source, split(), ExpertFunction, cancellation));
                ReleaseFiles();
            }
            cancellation.ThrowIfCancellationRequested();
        }
        catch
        {
            banks.ForEach(bank => bank.Dispose());
            throw;
        }
        var former = _banks.ToArray();
        _banks.Clear();
        _banks.AddRange(banks);
        foreach (var bank in former)
            bank.Dispose();
    }

    /// <summary>Called whenever weights have been packed: what was read of files is not needed any more.</summary>
    protected virtual void ReleaseFiles()
    {
    }

    /// <summary>The plan that is the checkpoint as it is: one full-precision slot for each expert.</summary>
    public IReadOnlyList<LayerPlan> OriginalLayers() =>
        [.. Shape.MoeLayers.Select(layer => new LayerPlan(layer, [.. Enumerable.Range(0, Shape.Experts).Select(e => new Slot(e, OriginalExperts.StoredPrecision, 0))]))];

    /// <summary>Forgets what the splits have handed out, so that a run can be repeated exactly.</summary>
    public void ResetSplits()
    {
        foreach (var bank in _banks)
            bank.Reset();
    }

    /// <summary>Starts or ends counting of tokens in all banks.</summary>
    public LoadRecorder? Recorder
    {
        get => _banks[0].Recorder;
        set => _banks.ForEach(bank => bank.Recorder = value);
    }

    /// <summary>Lets an observer see what experts are given, or none.</summary>
    public IExpertObserver? Observer
    {
        get => _banks[0].Observer;
        set => _banks.ForEach(bank => bank.Observer = value);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the weights.</summary>
    protected virtual void Dispose(bool disposing)
    {
        foreach (var bank in _banks)
            bank.Dispose();
    }
}
