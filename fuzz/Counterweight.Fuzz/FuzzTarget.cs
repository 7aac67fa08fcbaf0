using Counterweight.Balancing;
using Counterweight.Fuzz.Targets;

namespace Counterweight.Fuzz;

/// <summary>
/// One reader of untrusted input. A run fails on every exception other than <see cref="InvalidInputException"/> and on allocations beyond
/// <see cref="AllocationLimit"/>; reads outside of a mapping end the process, and hangs are for the fuzzer's time limit to find.
/// </summary>
internal abstract class FuzzTarget
{
    private static readonly Dictionary<string, Func<FuzzTarget>> All = new()
    {
        ["config"] = () => new ConfigTarget(),
        ["engine-plan"] = () => new EnginePlanTarget(),
        ["gguf"] = () => new GgufTarget(),
        ["loads"] = () => new LoadsTarget(),
        ["plan"] = () => new PlanTarget(),
        ["safetensors"] = () => new SafetensorsTarget(),
        ["template"] = () => new TemplateTarget(),
        ["tokenizer"] = () => new TokenizerTarget(),
    };

    /// <summary>The names of all targets.</summary>
    public static IReadOnlyCollection<string> Names => All.Keys;

    /// <summary>The target of that name, or null.</summary>
    public static FuzzTarget? Of(string name) => All.TryGetValue(name, out var make) ? make() : null;

    /// <summary>Feeds one input.</summary>
    /// <returns>Why it was refused; null where it was accepted.</returns>
    public InvalidInputException? Run(byte[] input)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        InvalidInputException? refusal = null;
        try
        {
            Read(input);
        }
        catch (InvalidInputException e)
        {
            refusal = e;
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > AllocationLimit(input.Length))
            throw new InvalidOperationException($"{allocated} bytes allocated for an input of {input.Length} bytes");
        return refusal;
    }

    /// <summary>Reads the input as whoever uses it would.</summary>
    protected abstract void Read(byte[] input);

    /// <summary>
    /// Bytes that reading may allocate in all, garbage included: what any input costs, and a factor for the objects that stand for a few bytes of text.
    /// </summary>
    protected virtual long AllocationLimit(long inputBytes) => (4L << 20) + 256 * inputBytes;
}
