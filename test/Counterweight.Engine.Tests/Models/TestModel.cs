using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tests.Checkpoints;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Tests.Models;

/// <summary>A model that one test runs, with its folder if the test made it.</summary>
internal sealed class TestModel : IDisposable
{
    private readonly TemporaryFolder? _folder;

    private TestModel(TemporaryFolder? folder, LoadedModel loaded)
    {
        _folder = folder;
        Loaded = loaded;
    }

    public LoadedModel Loaded { get; }

    public MoeModel Model => Loaded.Model;

    public static TestModel Open(TinyModel? tiny = null, string? kernels = null, int threads = 2, ComputeMode compute = ComputeMode.Fast)
    {
        var folder = new TemporaryFolder();
        (tiny ?? TinyModel.Default).Write(folder.Path);
        return new TestModel(folder, LoadedModel.Open(folder.Path, new LoadOptions { Kernels = kernels, Threads = threads, Compute = compute }));
    }

    /// <summary>A folder that stays the caller's.</summary>
    public static TestModel OpenFolder(string folder, string? planFile = null, int threads = 2) =>
        new(null, LoadedModel.Open(folder, new LoadOptions { PlanFile = planFile, Threads = threads }));

    public static TestModel Pocket(int threads = 2) =>
        OpenFolder(Path.Combine(Counterweight.Tests.GoldenFiles.ProjectRoot, "models", "pocket-moe"), threads: threads);

    /// <summary>Every kernel variant of this machine with every split policy.</summary>
    public static TheoryData<string, string> KernelsAndSplits()
    {
        var data = new TheoryData<string, string>();
        foreach (var kernels in MatMulKernelFactory.Available)
            foreach (var split in SplitPolicies.Names)
                data.Add(kernels, split);
        return data;
    }

    public static TheoryData<string> Splits() => [.. SplitPolicies.Names];

    public void Load(IReadOnlyList<LayerPlan> layers, string split = "even", IExpertSource? experts = null) =>
        Model.LoadExperts(layers, experts ?? Model.OriginalExperts, () => SplitPolicies.Create(split));

    /// <summary>One slot for every expert, all in one precision.</summary>
    public IReadOnlyList<LayerPlan> AllIn(Precision precision) =>
        [.. Model.OriginalLayers().Select(layer => layer with { Slots = [.. layer.Slots.Select(slot => slot with { Precision = precision })] })];

    /// <summary>One to <paramref name="devices"/> copies of every expert on different devices, slots in random order.</summary>
    public IReadOnlyList<LayerPlan> Replicated(int devices, int seed, params Precision[] precisions)
    {
        var random = new Random(seed);
        return [.. Model.Shape.MoeLayers.Select(layer => new LayerPlan(layer, Shuffled(Enumerable.Range(0, Model.Shape.Experts).SelectMany(Copies))))];

        IEnumerable<Slot> Copies(int expert) => Shuffled(Enumerable.Range(0, devices)).Take(random.Next(1, devices + 1))
            .Select(device => new Slot(expert, precisions[random.Next(precisions.Length)], device));

        T[] Shuffled<T>(IEnumerable<T> items)
        {
            var array = items.ToArray();
            random.Shuffle(array);
            return array;
        }
    }

    public int[] Tokens(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(Model.Shape.Vocabulary))];
    }

    /// <summary>
    /// The logits of every token of every sequence. Each pass takes the next so many tokens of each sequence, the lengths in
    /// <paramref name="chunks"/> in turn; none: all at once.
    /// </summary>
    public unsafe float[][] Logits(int[][] sequences, params int[] chunks)
    {
        var vocabulary = Model.Shape.Vocabulary;
        var logits = sequences.Select(sequence => new float[sequence.Length * vocabulary]).ToArray();
        var caches = sequences.Select(_ => Model.NewSequence()).ToArray();
        var batch = new Batch();
        for (var pass = 0; caches.Where((cache, s) => cache.Length < sequences[s].Length).Any(); pass++)
        {
            batch.Clear();
            var running = Enumerable.Range(0, sequences.Length).Where(s => caches[s].Length < sequences[s].Length).ToArray();
            foreach (var s in running)
            {
                var left = sequences[s].AsSpan(caches[s].Length);
                batch.Add(caches[s], chunks.Length == 0 ? left : left[..Math.Min(left.Length, chunks[pass % chunks.Length])]);
            }
            Model.Forward(batch);
            for (var i = 0; i < running.Length; i++)
            {
                var (cache, firstRow, rows) = batch[i];
                fixed (float* target = &logits[running[i]][(cache.Length - rows) * vocabulary])
                    Model.Logits(firstRow, rows, target);
            }
        }
        Array.ForEach(caches, cache => cache.Dispose());
        return logits;
    }

    public void Dispose()
    {
        Loaded.Dispose();
        _folder?.Dispose();
    }
}
