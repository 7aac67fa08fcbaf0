using Counterweight.Balancing;
using Counterweight.Balancing.Loads.Import;

namespace Counterweight.Fuzz.Targets;

/// <summary>Reads recorded loads of any format, as counts and as expert ids of tokens.</summary>
internal sealed class LoadsTarget : FuzzTarget
{
    protected override void Read(byte[] input)
    {
        try
        {
            LoadsImport.Read(input, "routed_experts.npy", new ImportOptions { TokensPerWindow = 2 });
        }
        catch (InvalidInputException)
        {
            // The same bytes may hold counts.
        }
        LoadsImport.Read(input, "loads", new ImportOptions());
    }
}
