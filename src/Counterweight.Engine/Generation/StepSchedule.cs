using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Generation;

/// <summary>
/// Says which tokens the next step runs. Running texts come first, one token each; then prompts that were begun, oldest first; then new ones in the order they came,
/// each when the cache has room for all of its prompt. When a running text finds no page, what is kept for other prompts goes first, and then the youngest text
/// gives up its pages and starts over with the tokens it has: the oldest text always gets on.
/// </summary>
/// <param name="pool">Pages of the model.</param>
/// <param name="options">Limits.</param>
/// <param name="causal">Whether what is kept of a token depends on those before it alone, as with a decoder.</param>
internal sealed class StepSchedule(KvPagePool pool, SessionOptions options, bool causal) : IDisposable
{
    private readonly PrefixCache? _prefixes = options.ReusePrefixes && causal ? new PrefixCache(pool) : null;
    private readonly LinkedList<GeneratedSequence> _waiting = [];
    private readonly List<GeneratedSequence> _running = []; // oldest first
    private readonly List<GeneratedSequence> _inStep = [];

    /// <summary>Pages that there may be.</summary>
    public int Pages { get; } = options.Pages(pool.Layout.PageBytes);

    public bool IsEmpty => _waiting.Count == 0 && _running.Count == 0;

    public int Waiting => _waiting.Count;

    public IReadOnlyList<GeneratedSequence> Running => _running;

    /// <summary>The texts of the last <see cref="Fill"/>, in the order of the batch.</summary>
    public IReadOnlyList<GeneratedSequence> InStep => _inStep;

    public long TokensReused { get; private set; }

    public int Preemptions { get; private set; }

    public void Add(GeneratedSequence text) => _waiting.AddLast(text);

    /// <summary>Puts the step's tokens into the batch, at least one if there is a text.</summary>
    public void Fill(Batch batch)
    {
        batch.Clear();
        _inStep.Clear();
        foreach (var text in _running)
            text.Scheduled = 0;
        var left = options.TokensPerStep;
        for (var i = 0; i < _running.Count; i++)
            if (_running[i].Pending == 1)
                left -= Schedule(_running[i], 1, batch);
        for (var i = 0; i < _running.Count && left > 0; i++)
            if (_running[i].Scheduled == 0)
                left -= Schedule(_running[i], Math.Min(_running[i].Pending, left), batch);
        while (left > 0 && Admit() is { } text)
            left -= Schedule(text, Math.Min(text.Pending, left), batch);
    }

    /// <summary>A text has got a token; what it has computed may serve others.</summary>
    public void HasDrawn(GeneratedSequence text, bool ended)
    {
        if (ended || text.Scheduled > 1)
            _prefixes?.Add(text.Tokens[..text.Cache.Length], text.Cache);
        if (ended)
            Remove(text);
    }

    /// <summary>Takes a text out wherever it is.</summary>
    public void End(int number)
    {
        if (_running.Find(text => text.Number == number) is { } running)
            Remove(running);
        else if (_waiting.FirstOrDefault(text => text.Number == number) is { } waiting)
            _waiting.Remove(waiting);
    }

    public void Dispose()
    {
        foreach (var text in _running)
            text.Dispose();
        _running.Clear();
        _waiting.Clear();
        _prefixes?.Dispose();
    }

    private int Free => Pages - pool.PagesInUse;

    /// <summary>The tokens that the text got into the batch: all that were asked for, or none for want of pages.</summary>
    private int Schedule(GeneratedSequence text, int tokens, Batch batch)
    {
        if (!MakeRoom(text, KvLayout.PagesFor(text.Cache.Length + tokens) - text.Cache.Capacity / KvLayout.PageTokens))
            return 0;
        text.Cache.Reserve(text.Cache.Length + tokens);
        text.Scheduled = tokens;
        text.AddTo(batch, tokens);
        _inStep.Add(text);
        return tokens;
    }

    private bool MakeRoom(GeneratedSequence text, int pages)
    {
        while (Free < pages && (_prefixes?.Evict() ?? false))
        {
        }
        while (Free < pages && _running.Count > 1)
        {
            var youngest = _running.FindLastIndex(other => other.Scheduled == 0);
            // Only the text itself or older ones are left: those in the step go on and will end.
            if (youngest < 0 || youngest < _running.IndexOf(text))
                return false;
            var victim = _running[youngest];
            Preempt(victim);
            if (victim == text)
                return false;
        }
        return true;
    }

    private void Preempt(GeneratedSequence text)
    {
        _running.Remove(text);
        text.Cache.Release();
        _waiting.AddFirst(text);
        Preemptions++;
    }

    /// <summary>The text that waits for longest, if there is room for its prompt and one page more; alone it always gets its turn.</summary>
    private GeneratedSequence? Admit()
    {
        if (_running.Count >= Math.Min(options.MaxSequences, options.TokensPerStep) || _waiting.First?.Value is not { } text)
            return null;
        var known = _prefixes?.Find(text.Tokens) ?? [];
        text.Cache.Adopt(known, known.Count * KvLayout.PageTokens);
        var missing = KvLayout.PagesFor(text.Tokens.Length + 1) - known.Count;
        while (Free < missing && (_prefixes?.Evict() ?? false))
        {
        }
        if (Free < missing && _running.Count > 0)
        {
            text.Cache.Release();
            return null;
        }
        TokensReused += text.Cache.Length;
        _waiting.RemoveFirst();
        text.Scheduled = 0;
        _running.Add(text);
        return text;
    }

    private void Remove(GeneratedSequence text)
    {
        _running.Remove(text);
        text.Dispose();
    }
}
