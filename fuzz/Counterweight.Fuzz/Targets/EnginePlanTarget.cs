using Counterweight.Balancing;
using Counterweight.Balancing.Formats;

namespace Counterweight.Fuzz.Targets;

/// <summary>Reads a plan in each of the serving engines' formats.</summary>
internal sealed class EnginePlanTarget : FuzzTarget
{
    private static readonly EngineTarget Target = new() { Devices = 2 };

    protected override void Read(byte[] input)
    {
        InvalidInputException? refusal = null;
        var accepted = false;
        foreach (var engine in EnginePlanFormats.Names)
            try
            {
                EnginePlanFormats.Of(engine).Read(input, engine, Target);
                accepted = true;
            }
            catch (InvalidInputException e)
            {
                refusal = e;
            }
        if (!accepted)
            throw refusal!;
    }
}
