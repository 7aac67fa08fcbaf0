using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>
/// Time of the expert part of a MoE layer: every device multiplies its tokens, the slowest decides, and tokens travel there and back.
/// device = launch + max(flops / rate, bytes of the touched experts / memory bandwidth); exchange = bytes over each link / its bandwidth.
/// </summary>
public sealed record LayerTimeModel
{
    /// <summary>Width of the hidden state.</summary>
    public int HiddenSize { get; init; } = 7168;

    /// <summary>Width of an expert.</summary>
    public int IntermediateSize { get; init; } = 2048;

    /// <summary>Precision of the experts.</summary>
    public Precision Precision { get; init; } = Precision.Fp8;

    /// <summary>Grouped GEMM rate that the device reaches, 10^12 operations/s.</summary>
    public double TeraOperationsPerSecond { get; init; } = 600;

    /// <summary>Memory bandwidth that it reaches, 10^9 bytes/s.</summary>
    public double MemoryGigabytesPerSecond { get; init; } = 2600;

    /// <summary>Bandwidth between devices of a node, each direction, 10^9 bytes/s.</summary>
    public double NodeLinkGigabytesPerSecond { get; init; } = 150;

    /// <summary>Bandwidth between nodes for each device, each direction, 10^9 bytes/s.</summary>
    public double NetworkGigabytesPerSecond { get; init; } = 40;

    /// <summary>Fixed time of the kernels and the exchange of a layer, 10^-6 s.</summary>
    public double LaunchMicroseconds { get; init; } = 30;

    /// <summary>Bytes that a token takes each way: dispatch and combine together.</summary>
    public double ExchangeBytesPerToken => 3.0 * HiddenSize;

    /// <summary>Mean over layers of the time of one batch, 10^-6 s.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="loads">Recorded loads; only their ratios matter.</param>
    /// <param name="tokens">Tokens of the batch over all devices.</param>
    /// <param name="topK">Experts that each token is sent to.</param>
    /// <param name="topology">Nodes.</param>
    public double LayerMicroseconds(EnginePlan plan, ExpertLoads loads, int tokens, int topK, ClusterTopology topology)
    {
        DeviceLoads.CheckShape(plan, loads, "loads");
        double sum = 0;
        for (var l = 0; l < loads.Layers; l++)
            sum += BusiestMicroseconds(plan, l, loads[l], (double)tokens * topK, topology);
        return sum / loads.Layers;
    }

    /// <summary>
    /// Fits launch time and rate to measured layer times by least squares: time = launch + slope · tokens of the busiest device.
    /// </summary>
    /// <param name="measured">Tokens × experts of the busiest device, and the layer time in 10^-6 s; at least two different token
    /// counts.</param>
    public LayerTimeModel Fit(IReadOnlyList<(double BusiestTokens, double Microseconds)> measured)
    {
        var (x, y) = (measured.Select(m => m.BusiestTokens).DefaultIfEmpty().Average(),
            measured.Select(m => m.Microseconds).DefaultIfEmpty().Average());
        var spread = measured.Sum(m => (m.BusiestTokens - x) * (m.BusiestTokens - x));
        var slope = spread > 0 ? measured.Sum(m => (m.BusiestTokens - x) * (m.Microseconds - y)) / spread : 0;
        if (!(slope > 0))
            throw new InvalidInputException("measurements", $"{measured.Count} that do not rise with tokens",
                "times at two or more token counts that do");
        return this with
        {
            LaunchMicroseconds = Math.Max(0, y - slope * x),
            TeraOperationsPerSecond = OperationsPerToken / slope / 1e6,
        };
    }

    /// <summary>Reads the parameters; what is absent keeps its default. <c>measured</c> is a list of [busiest tokens,
    /// microseconds].</summary>
    /// <exception cref="InvalidInputException">An unknown key or a value out of range: names the JSON path.</exception>
    public static LayerTimeModel Read(byte[] json, string name)
    {
        var root = JsonInput.Parse(json, name);
        if (root.Element.ValueKind != System.Text.Json.JsonValueKind.Object)
            throw root.Wrong("an object of parameters");
        var (model, measured) = (new LayerTimeModel(), new List<(double, double)>());
        foreach (var property in root.Element.EnumerateObject())
        {
            var value = root[property.Name];
            model = property.Name switch
            {
                "hiddenSize" => model with { HiddenSize = (int)value.Integer(1, 1 << 20) },
                "intermediateSize" => model with { IntermediateSize = (int)value.Integer(1, 1 << 20) },
                "precision" => model with { Precision = PrecisionOf(value) },
                "teraOperationsPerSecond" => model with { TeraOperationsPerSecond = Positive(value) },
                "memoryGigabytesPerSecond" => model with { MemoryGigabytesPerSecond = Positive(value) },
                "nodeLinkGigabytesPerSecond" => model with { NodeLinkGigabytesPerSecond = Positive(value) },
                "networkGigabytesPerSecond" => model with { NetworkGigabytesPerSecond = Positive(value) },
                "launchMicroseconds" => model with { LaunchMicroseconds = value.Number(0, 1e9) },
                "measured" => model,
                _ => throw root.Error($"unknown key \"{property.Name}\"", "parameters of the layer-time model"),
            };
            if (property.Name == "measured")
                measured.AddRange(value.Items().Select(Measurement));
        }
        return measured.Count > 0 ? model.Fit(measured) : model;
    }

    private double OperationsPerToken => 6.0 * HiddenSize * IntermediateSize;

    private double BusiestMicroseconds(EnginePlan plan, int layer, ReadOnlySpan<long> loads, double tokens, ClusterTopology topology)
    {
        double total = 0, compute = 0;
        foreach (var load in loads)
            total += load;
        if (total == 0)
            return LaunchMicroseconds;
        var (slots, width) = (DeviceLoads.SlotLoads(plan.SlotExperts[layer], loads), plan.SlotsPerDevice(layer));
        double busiest = 0;
        for (var d = 0; d < plan.Devices; d++)
        {
            double rows = 0, touched = 0;
            foreach (var load in slots.AsSpan(d * width, width))
            {
                rows += load / total * tokens;
                touched += 1 - Math.Exp(-load / total * tokens);
            }
            busiest = Math.Max(busiest, rows);
            compute = Math.Max(compute, Math.Max(rows * OperationsPerToken / (TeraOperationsPerSecond * 1e6),
                touched * ExpertBytes.Of(HiddenSize, IntermediateSize, Precision) / (MemoryGigabytesPerSecond * 1e3)));
        }
        var remote = topology.Nodes == 1 ? 0 : 1.0 - 1.0 / topology.Nodes;
        var bytes = busiest * ExchangeBytesPerToken;
        var exchange = Math.Max(bytes * remote / (NetworkGigabytesPerSecond * 1e3),
            bytes * (1 - remote) / (NodeLinkGigabytesPerSecond * 1e3));
        return LaunchMicroseconds + compute + exchange;
    }

    private static double Positive(JsonInput value) => value.Number(1e-6, 1e9);

    private static Precision PrecisionOf(JsonInput value) => PrecisionNames.TryParse(value.Text(), out var precision)
        ? precision
        : throw value.Wrong("one of " + string.Join(", ", PrecisionNames.All));

    private static (double, double) Measurement(JsonInput input)
    {
        var pair = input.Items();
        return pair.Length == 2 ? (pair[0].Number(0, 1e15), pair[1].Number(0, 1e12)) : throw input.Wrong("[busiest tokens, microseconds]");
    }
}
