using System.Text;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Evaluation.Reports;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Reports;

public sealed class BalanceReportJsonTests
{
    [Fact]
    public void Reading_back_gives_the_same_document()
    {
        var first = Write(SampleReport.Create());
        var second = Write(Read(first));
        Assert.Equal(first, second);
        Assert.DoesNotContain('\r', first);
    }

    [Theory]
    [InlineData("", "model,cpu,policy,seed,before,after,change,estimates,detail,provenance,seconds")]
    [InlineData("before", "lis,lisPaper,deviceImbalance,deviceImbalanceByFile,lisByBatchSize,expertBytes,totalBytes,perplexity,perplexityByFile,accuracy,prefillTokensPerSecond,decodeTokensPerSecond")]
    [InlineData("after.lis", "mean,max,layers")]
    [InlineData("after.lisPaper", "mean,max,layers")]
    [InlineData("after.deviceImbalance", "2,4,8,16")]
    [InlineData("after.deviceImbalance.8", "even,leastLoaded")]
    [InlineData("after.deviceImbalance.8.leastLoaded", "mean,max")]
    [InlineData("before.accuracy.piqa", "value,stderr,n,accNorm")]
    [InlineData("before.accuracy.blimp", "value,stderr,n")]
    [InlineData("change", "stragglerRatio,lisRatio,lisPaperRatio,expertBytesRatio,totalBytesRatio,perplexityRatio,perplexityDifference,accuracyDifference,prefillTokensPerSecondRatio,decodeTokensPerSecondRatio")]
    [InlineData("change.accuracyDifference.blimp", "value,stderr,low,high")]
    [InlineData("estimates", "calibrationTokens,seed,tenth,loadImportanceSpearman,predictedLoss,measuredLoss")]
    [InlineData("detail", "originalPrecision,calibrationLoads,evaluationLoads,slots,importance,bytesByPrecisionBefore,bytesByPrecisionAfter,busiestSlotBefore,busiestSlotAfter,slotsByPrecision")]
    [InlineData("detail.bytesByPrecisionAfter", "bf16,int8,int4")]
    public void Names_and_order_are_those_of_the_contract(string path, string names)
    {
        var node = path.Split('.', StringSplitOptions.RemoveEmptyEntries).Aggregate(Parse(), (node, name) => node[name]!);
        Assert.Equal(names.Split(','), node.AsObject().Select(property => property.Key));
    }

    [Fact]
    public void Straggler_ratio_is_the_mean_of_the_layers_ratios_and_not_the_ratio_of_means()
    {
        var detail = Parse()["detail"]!;
        double[] Values(string name) => [.. detail[name]!.AsArray().Select(value => (double)value!)];
        var ratios = Values("busiestSlotBefore").Zip(Values("busiestSlotAfter"), (before, after) => before / after);
        Assert.Equal(ratios.Average(), (double)Parse()["change"]!["stragglerRatio"]!, 12);
    }

    [Fact]
    public void Without_timings_two_runs_of_different_speed_are_the_same_document()
    {
        var report = SampleReport.Create();
        var slower = report with
        {
            After = report.After with { DecodeTokensPerSecond = 1, PrefillTokensPerSecond = 2 },
            Change = report.Change with { DecodeTokensPerSecondRatio = 0.1, PrefillTokensPerSecondRatio = 0.2 },
            Seconds = new Dictionary<string, double> { ["plan"] = 99 },
        };
        Assert.NotEqual(Write(report), Write(slower));
        Assert.Equal(Write(report.WithoutTimings()), Write(slower.WithoutTimings()));
        Assert.DoesNotContain("okensPerSecond", Write(report.WithoutTimings()));
    }

    [Theory]
    [InlineData("detail.evaluationLoads.2", "[1, 2]", "detail.evaluationLoads[2]")]
    [InlineData("detail.slots.1", "[]", "detail.slots[1]")]
    [InlineData("detail.slots.1.0.expert", "32", "detail.slots[1]")]
    [InlineData("detail.slots.1.0.precision", "\"int5\"", "int5")]
    [InlineData("detail.importance.wandaTop", "[]", "detail.importance.wandaTop")]
    [InlineData("after.lis.layers", "[1.5]", "after.lis.layers")]
    [InlineData("after.accuracy.piqa", "null", "after.accuracy")]
    [InlineData("after.deviceImbalance.8.even", "null", "after.deviceImbalance.8")]
    [InlineData("after.perplexityByFile", "{}", "after.perplexityByFile")]
    [InlineData("before.lis", "null", "before.lis")]
    [InlineData("seed", "-1", "$.seed")]
    public void Damage_is_named(string path, string json, string named)
    {
        var document = Parse();
        var parts = path.Split('.');
        var parent = parts[..^1].Aggregate(document, (node, name) => node is JsonArray array ? array[int.Parse(name)]! : node[name]!);
        if (parent is JsonArray rows)
            rows[int.Parse(parts[^1])] = JsonNode.Parse(json);
        else
            parent[parts[^1]] = JsonNode.Parse(json);
        var error = Assert.Throws<InvalidInputException>(() => Read(document.ToJsonString()));
        Assert.Contains(named, error.Message);
        Assert.StartsWith("report.json", error.Where);
    }

    [Fact]
    public void A_truncated_file_is_named_with_its_line()
    {
        var json = Write(SampleReport.Create());
        Assert.Matches("^report.json, line [0-9]+", Assert.Throws<InvalidInputException>(() => Read(json[..(json.Length / 2)])).Where);
    }

    private static JsonNode Parse() => JsonNode.Parse(Write(SampleReport.Create()))!;

    private static string Write(BalanceReport report)
    {
        using var stream = new MemoryStream();
        BalanceReportJson.Write(report, stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static BalanceReport Read(string json) =>
        BalanceReportJson.Read(new MemoryStream(Encoding.UTF8.GetBytes(json)), "report.json");
}
