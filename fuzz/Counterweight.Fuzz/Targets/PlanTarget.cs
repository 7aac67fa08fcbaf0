using Counterweight.Balancing.Plans;

namespace Counterweight.Fuzz.Targets;

/// <summary>Reads a plan.json; what is accepted can be written and read again.</summary>
internal sealed class PlanTarget : FuzzTarget
{
    protected override void Read(byte[] input)
    {
        var plan = PlanFile.Read(new MemoryStream(input), "plan.json");
        using var written = new MemoryStream();
        PlanFile.Write(plan, written);
        written.Position = 0;
        PlanFile.Read(written, "written");
    }
}
