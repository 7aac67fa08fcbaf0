using System.CommandLine;
using Counterweight.Balancing.EnginePlanning;

namespace Counterweight.Planner.Verbs;

/// <summary><c>diff</c>: what changes from one plan to another.</summary>
internal static class DiffVerb
{
    private static readonly Argument<string> Before = new("BEFORE") { Description = "The plan that is being served" };
    private static readonly Argument<string> After = new("AFTER") { Description = "The plan to go to" };
    private static readonly Option<string?> Engine = CommonOptions.Engine();
    private static readonly Option<int?> Devices = CommonOptions.Devices();
    private static readonly Option<string?> Config = CommonOptions.Config();
    private static readonly Option<int?> PerNode = CommonOptions.DevicesPerNode();
    private static readonly Option<bool> Moves = new("--moves")
    {
        Description = "Prints every move, in an order that never leaves an expert without a copy",
    };
    private static readonly Option<string?> Json = CommonOptions.Json();

    public static Command Create()
    {
        var command = new Command("diff", "Experts moved, bytes over each link, layers touched, and a safe order of moves") { Before, After, Engine, Devices, Config, PerNode, Moves, Json };
        command.Does(Run);
        return command;
    }

    private static bool Run(ParseResult parsed)
    {
        var config = CommonOptions.ReadConfig(parsed, Config);
        var source = new PlanSource(parsed.GetValue(Engine), parsed.GetValue(Devices), config);
        var (before, after) = (source.Read(parsed.GetValue(Before)!, out _), source.Read(parsed.GetValue(After)!, out _));
        var diff = PlanDiff.Between(before, after, CommonOptions.Topology(before.Devices, parsed.GetValue(PerNode)));
        long? expertBytes = config?.Costs.Of(0, 0, config.Precision);
        Print(parsed, diff, before, expertBytes);
        if (parsed.GetValue(Json) is { } json)
            FigureJson.Write(json, writer => Write(writer, diff, expertBytes));
        return true;
    }

    private static void Print(ParseResult parsed, PlanDiff diff, EnginePlan before, long? expertBytes)
    {
        var output = parsed.InvocationConfiguration.Output;
        output.WriteLine($"{diff.Moves.Count} experts moved in {diff.LayersTouched.Count} of {before.MoeLayers.Count} layers, {diff.Moves.Count(move => move.ThroughBuffer)} through a buffer");
        var table = new TextTable("link", "experts", "bytes");
        string[] links = ["inside the device", "inside the node", "between nodes"];
        for (var link = 0; link < links.Length; link++)
            table.Add(links[link], Figures.Count(diff.MovesByLink[link]), expertBytes is { } bytes ? Figures.Bytes((double)diff.MovesByLink[link] * bytes) : "needs --config");
        table.Write(output);
        if (!parsed.GetValue(Moves))
            return;
        foreach (var move in diff.Moves)
            output.WriteLine($"layer {move.Layer}: slot {move.Slot} takes expert {move.Expert} from slot {move.FromSlot}{(move.ThroughBuffer ? " through a buffer" : "")}");
    }

    private static void Write(System.Text.Json.Utf8JsonWriter writer, PlanDiff diff, long? expertBytes)
    {
        writer.WriteNumber("expertsMoved", diff.Moves.Count);
        writer.WriteNumber("layersTouched", diff.LayersTouched.Count);
        foreach (var (name, link) in new[] { ("sameDevice", LinkClass.SameDevice), ("sameNode", LinkClass.SameNode), ("otherNode", LinkClass.OtherNode) })
        {
            writer.WriteStartObject(name);
            writer.WriteNumber("experts", diff.MovesByLink[(int)link]);
            if (expertBytes is { } bytes)
                writer.WriteNumber("bytes", diff.BytesByLink(bytes)[(int)link]);
            writer.WriteEndObject();
        }
        writer.WriteStartArray("moves");
        foreach (var move in diff.Moves)
        {
            writer.WriteStartObject();
            writer.WriteNumber("layer", move.Layer);
            writer.WriteNumber("slot", move.Slot);
            writer.WriteNumber("expert", move.Expert);
            writer.WriteNumber("fromSlot", move.FromSlot);
            writer.WriteBoolean("throughBuffer", move.ThroughBuffer);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}
