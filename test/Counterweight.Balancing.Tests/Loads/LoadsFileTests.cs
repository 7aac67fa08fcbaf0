using System.Text;
using System.Text.RegularExpressions;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Tests;
using CsCheck;

namespace Counterweight.Balancing.Tests.Loads;

public sealed class LoadsFileTests
{
    private static RecordedLoads Example()
    {
        var (first, second, decode) = (new ExpertLoads(2, 3), new ExpertLoads(2, 3), new ExpertLoads(2, 3));
        (first[0][2], first[1][0], second[1][1], decode[0][0]) = (5, 7, 1_000_000_000_000, 1);
        return new RecordedLoads(
            new ModelFingerprint("olmoe", [0, 1], Experts: 3, TopK: 1, WeightsHash: null),
            [
                new LoadTrace("code", [first, second], LoadPhase.Prefill, ["0-1024", "1024-2048"]),
                new LoadTrace("code", [decode], LoadPhase.Decode),
            ]);
    }

    private static byte[] Write(RecordedLoads loads)
    {
        using var stream = new MemoryStream();
        LoadsFile.Write(loads, stream);
        return stream.ToArray();
    }

    private static RecordedLoads Read(string json) => LoadsFile.Read(new MemoryStream(Encoding.UTF8.GetBytes(json)), "loads.json");

    [Fact]
    public void Written_loads_read_back_with_names_and_phases_and_have_the_same_bytes_again()
    {
        var bytes = Write(Example());
        var read = Read(Encoding.UTF8.GetString(bytes));
        Assert.Equal([LoadPhase.Prefill, LoadPhase.Decode], read.Traces.Select(trace => trace.Phase));
        Assert.Equal(["0-1024", "1024-2048"], read.Traces[0].WindowNames);
        Assert.Equal([7L, 0, 0], read.Traces[0].Windows[0][1]);
        Assert.Equal([7L, 1_000_000_000_000, 0], read.Traces[0].Total[1]);
        Assert.Equal(bytes, Write(read));
    }

    [Theory]
    [InlineData("[7,0,0]", "[7,0]", "loads.json: traces[0].windows[0].tokens[1]: found 2 counts, expected one for each of the 3 experts")]
    [InlineData("[7,0,0]", "[7,-1,0]", "loads.json: traces[0].windows[0].tokens[1][1]: found -1, expected an integer from 0 to 1000000000000")]
    [InlineData("[7,0,0]", "[7,0.5,0]", "loads.json: traces[0].windows[0].tokens[1][1]: found 0.5, expected an integer from 0 to 1000000000000")]
    [InlineData("[7,0,0]", "[7,0,0],[7,0,0]", "loads.json: traces[0].windows[0].tokens: found 3 layers, expected a row for each of the 2 MoE layers")]
    [InlineData("decode", "training", "loads.json: traces[1].phase: found \"training\", expected one of mixed, prefill, decode")]
    [InlineData("decode", "prefill", "loads.json: traces[1]: found a second trace \"code\" of phase prefill, expected names that are unique within a phase")]
    [InlineData("counterweight.loads", "counterweight.plan", "loads.json: format: found \"counterweight.plan\", expected \"counterweight.loads\"")]
    [InlineData("\"windows\"", "\"steps\"", "loads.json: traces[0]: found unknown key \"steps\", expected only the keys name, phase, windows")]
    public void A_mistake_is_refused_by_path_found_and_expected(string old, string changed, string message)
    {
        var json = Encoding.UTF8.GetString(Write(Example()));
        Assert.Contains(old, json);
        Assert.Equal(message, Assert.Throws<InvalidInputException>(() => Read(json.Replace(old, changed))).Message);
    }

    [Fact]
    public void Damaged_bytes_give_loads_or_a_refusal_and_nothing_else()
    {
        var bytes = Write(Example());
        Gen.Select(Gen.Int[0, bytes.Length - 1], Gen.Byte, Gen.Int[0, bytes.Length]).Sample((place, value, length) =>
        {
            var damaged = bytes.ToArray();
            damaged[place] = value;
            try
            {
                Assert.NotEmpty(LoadsFile.Read(new MemoryStream(damaged[..Math.Max(length, place + 1)]), "loads.json").Traces);
            }
            catch (InvalidInputException)
            {
            }
        }, iter: 3000);
    }

    [Fact]
    public void Loads_without_a_trace_are_never_written() =>
        Assert.Equal("loads: traces", Assert.Throws<InvalidInputException>(() => Write(Example() with { Traces = [] })).Where);

    [Fact]
    public void The_documented_example_is_valid()
    {
        var text = File.ReadAllText(Path.Combine(GoldenFiles.ProjectRoot, "docs", "loads-format.md"));
        var json = Regex.Match(text, "```json\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        Assert.Equal(json, Encoding.UTF8.GetString(Write(Read(json))));
    }
}
