using System.Globalization;
using System.Text;
using Counterweight.Balancing.EnginePlanning;

namespace Counterweight.Balancing.Formats;

/// <summary>
/// TensorRT-LLM's <c>moe_config.load_balancer</c> YAML: exactly num_slots, layer_updates_per_iter and initial_global_assignments by true
/// layer number. Multi-token prediction layers need entries too, or the engine does not start.
/// </summary>
internal sealed class TensorRtLlmPlanFormat : IEnginePlanFormat
{
    private const string Slots = "num_slots", Updates = "layer_updates_per_iter", Assignments = "initial_global_assignments";

    public string Name => "tensorrt-llm";

    public string Ending => ".yaml";

    public IReadOnlyList<EngineFinding> Check(EnginePlan plan, EngineTarget target) =>
    [
        .. EngineChecks.UnequalLayers(plan, "TensorRT-LLM"),
        .. EngineChecks.LayersBeyond(plan, target),
        .. Single(plan.Devices == 1, true, "TensorRT-LLM balances with expert parallelism only: a plan for 1 device is ignored."),
        .. EngineChecks.Duplicates(plan, isError: false, "TensorRT-LLM loads it twice and the second copy takes no load off the device"),
        .. Single(target.MtpLayers == 0, false,
            "If the model has multi-token prediction, their layers need entries too: state how many there are."),
    ];

    public void Write(EnginePlan plan, EngineTarget target, Stream stream)
    {
        EngineChecks.ThrowFirst(Check(plan, target), "TensorRT-LLM");
        var yaml = new StringBuilder();
        yaml.Append(CultureInfo.InvariantCulture, $"{Slots}: {plan.SlotExperts[0].Length}\n{Updates}: 0\n{Assignments}:\n");
        for (var l = 0; l < plan.SlotExperts.Length; l++)
            AppendLayer(yaml, plan.MoeLayers[l], plan.SlotExperts[l]);
        var hidden = target.HiddenLayersOf(plan);
        for (var mtp = 0; mtp < target.MtpLayers; mtp++)
            AppendLayer(yaml, hidden + mtp, EngineChecks.Filler(plan.Experts, plan.SlotExperts[0].Length));
        stream.Write(Encoding.UTF8.GetBytes(yaml.ToString()));
    }

    public EnginePlan Read(byte[] bytes, string name, EngineTarget target)
    {
        var yaml = new AssignmentsYaml(Encoding.UTF8.GetString(bytes), name);
        var last = target.HiddenLayers ?? (target.MoeLayers is { } known ? known[^1] + 1 : int.MaxValue);
        int[] numbers = [.. yaml.Layers.Keys.Where(layer => layer < last)];
        if (target.MoeLayers is { } layers && layers.FirstOrDefault(layer => !yaml.Layers.ContainsKey(layer), -1) is >= 0 and var missing)
            throw new InvalidInputException($"{name}: {Assignments}", $"no layer {missing}", "every MoE layer");
        int[][] rows = [.. numbers.Select(layer => yaml.Layers[layer].ToArray())];
        if (rows.FirstOrDefault(row => row.Length != yaml.Slots) is { } odd)
            throw new InvalidInputException($"{name}: {Assignments}", $"a layer of {odd.Length} slots", $"{yaml.Slots}, as {Slots} says");
        return new EnginePlan(rows.Length == 0 ? 0 : EngineChecks.Experts(rows), target.Devices, numbers, rows, name);
    }

    private static IEnumerable<EngineFinding> Single(bool applies, bool isError, string sentence) =>
        applies ? [new EngineFinding(isError, sentence)] : [];

    private static void AppendLayer(StringBuilder yaml, int layer, int[] slots) =>
        yaml.Append(CultureInfo.InvariantCulture, $"  {layer}: [").AppendJoin(", ", slots).Append("]\n");

    // The part of YAML that these files use: keys of plain numbers, and lists in brackets (over any number of lines) or with dashes.
    private sealed class AssignmentsYaml
    {
        private readonly string _name;
        private List<int>? _current;

        public AssignmentsYaml(string text, string name)
        {
            _name = name;
            var lines = text.Split('\n');
            for (var i = 0; i < lines.Length; i++)
            {
                var line = Uncommented(lines[i]);
                ReadLine(line.Contains('[') && !line.Contains(']') ? WholeList(lines, ref i) : line, i);
            }
            if (Slots == 0 || Layers.Count == 0)
                throw new InvalidInputException(name, $"no {(Slots == 0 ? TensorRtLlmPlanFormat.Slots : Assignments)}",
                    $"{TensorRtLlmPlanFormat.Slots}, {Updates} and {Assignments}");
        }

        public int Slots { get; private set; }

        public SortedDictionary<int, List<int>> Layers { get; } = [];

        private string WholeList(string[] lines, ref int row)
        {
            var list = new StringBuilder();
            var first = row;
            for (; row < lines.Length; row++)
            {
                var line = Uncommented(lines[row]);
                list.Append(line).Append(' ');
                if (line.Contains(']'))
                    return list.ToString().TrimEnd();
            }
            throw Error(first, "a list without an end", "a closing bracket");
        }

        private void ReadLine(string line, int row)
        {
            var text = line.Trim();
            if (text.Length == 0 || text == "---")
                return;
            if (text.StartsWith("- ", StringComparison.Ordinal) && _current is not null)
            {
                _current.Add(Number(text[2..], row));
                return;
            }
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0)
                throw Error(row, $"\"{text}\"", "a key and a value");
            ReadEntry(text[..colon].Trim('"', '\''), text[(colon + 1)..].Trim(), line.StartsWith(' '), row);
        }

        private void ReadEntry(string key, string value, bool isIndented, int row)
        {
            switch (key)
            {
                case TensorRtLlmPlanFormat.Slots when !isIndented:
                    Slots = Number(value, row);
                    break;
                case Updates when !isIndented:
                    Number(value, row);
                    break;
                case Assignments when !isIndented && value.Length == 0:
                    break;
                default:
                    var layer = isIndented ? Number(key, row)
                        : throw Error(row, $"the key {key}", $"only {TensorRtLlmPlanFormat.Slots}, {Updates} and {Assignments}");
                    if (!Layers.TryAdd(layer, _current = List(value, row)))
                        throw Error(row, $"layer {layer} again", "every layer once");
                    break;
            }
        }

        private List<int> List(string value, int row)
        {
            if (value.Length == 0)
                return [];
            if (!value.StartsWith('[') || !value.EndsWith(']'))
                throw Error(row, value, "a list of experts");
            return [.. value[1..^1].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(item => Number(item, row))];
        }

        private int Number(string text, int row) =>
            int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number <= Plans.PlanLimits.MaxSlots
                ? number
                : throw Error(row, $"\"{text.Trim()}\"", "a number from 0");

        private InvalidInputException Error(int row, string found, string expected) => new($"{_name}: line {row + 1}", found, expected);

        private static string Uncommented(string line) =>
            (line.IndexOf('#', StringComparison.Ordinal) is >= 0 and var at ? line[..at] : line).TrimEnd();
    }
}
