using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Tests;
using CsCheck;

namespace Counterweight.Balancing.Tests.Import;

public sealed class LoadsImportTests
{
    private static ImportedLoads Read(string text, string name = "loads.csv", ImportOptions? options = null) =>
        LoadsImport.Read(Encoding.UTF8.GetBytes(text), name, options ?? new ImportOptions())[0];

    private static ImportedLoads Read(byte[] bytes, string name, ImportOptions? options = null) =>
        LoadsImport.Read(bytes, name, options ?? new ImportOptions())[0];

    private static long[] Row(ImportedLoads loads, int layer, int window = 0) => loads.Trace.Windows[window][layer].ToArray();

    public static byte[] Npy(string descr, int[] shape, byte[] data, bool fortran = false)
    {
        var header = $"{{'descr': '{descr}', 'fortran_order': {(fortran ? "True" : "False")}, 'shape': ({string.Join(", ", shape)},), }}\n";
        return [0x93, .. "NUMPY"u8, 1, 0, .. BitConverter.GetBytes((ushort)header.Length), .. Encoding.ASCII.GetBytes(header), .. data];
    }

    [Fact]
    public void The_recorder_dump_in_json_is_the_csv_of_its_moe_layers()
    {
        var json = LoadsImport.Read(GoldenFiles.Shared("data", "traces", "deepseek-v3", "prefill_in1024.json"))[0];
        var csv = LoadsImport.Read(GoldenFiles.Shared("data", "traces", "deepseek-v3", "prefill_in1024.csv"), new ImportOptions { DenseLayers = 3 })[0];
        Assert.Equal(Enumerable.Range(3, 58), json.MoeLayers);
        Assert.Equal(json.MoeLayers, csv.MoeLayers);
        Assert.Equal((LoadPhase.Prefill, "prefill_in1024"), (json.Trace.Phase, json.Trace.Name));
        for (var l = 0; l < 58; l++)
            Assert.Equal(Row(csv, l), Row(json, l));
    }

    [Theory]
    [InlineData("intent")]
    [InlineData("translation")]
    public void Ids_per_token_count_up_to_the_recorded_loads_in_windows_of_any_size(string task)
    {
        var counts = LoadsImport.Read(GoldenFiles.Shared("data", "traces", "deepseek-v2-lite", $"{task}.counts.csv"))[0];
        var ids = GoldenFiles.Shared("data", "traces", "deepseek-v2-lite", $"{task}.topk.npy");
        foreach (var perWindow in new int?[] { null, 1000, 7 })
        {
            var trace = LoadsImport.Read(ids, new ImportOptions { TokensPerWindow = perWindow })[0].Trace;
            for (var l = 0; l < 26; l++)
                Assert.Equal(Row(counts, l), trace.Total[l].ToArray());
            if (perWindow is { } size)
                Assert.All(trace.Windows.SkipLast(1), window => Assert.Equal(6L * size, window[0].ToArray().Sum()));
        }
    }

    [Fact]
    public void Sglang_dumps_keep_their_steps_and_lose_their_dense_layers()
    {
        // Two steps of two layers, the first dense, of three experts.
        var loads = Read(TorchFiles.Dump([0, 0, 0, 5, 6, 7, 0, 0, 0, 1, 0, 2], 2, 2, 3), "expert_distribution_recorder_1.pt");
        Assert.Equal([1], loads.MoeLayers);
        Assert.Equal([5L, 6, 7], Row(loads, 0, window: 0));
        Assert.Equal([1L, 0, 2], Row(loads, 0, window: 1));
    }

    [Theory]
    [InlineData("posix", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("torch", "load")]
    public void A_pickle_that_names_anything_but_tensors_is_refused_by_name(string module, string name)
    {
        var pickle = new List<byte> { 0x80, 2 };
        TorchFiles.Global(pickle, module, name);
        pickle.AddRange([(byte)')', (byte)'R', (byte)'.']);
        var e = Assert.Throws<InvalidInputException>(() => Read(TorchFiles.Zip([.. pickle], []), "x.pt"));
        Assert.Equal($"x.pt: dump/data.pkl: byte 2", e.Where);
        Assert.Equal($"the name {module}.{name}", e.Found);
    }

    [Theory]
    [InlineData((byte)'i', "INST")]
    [InlineData((byte)'o', "OBJ")]
    [InlineData((byte)'b', "BUILD")]
    [InlineData((byte)0x81, "NEWOBJ")]
    [InlineData((byte)0x92, "NEWOBJ_EX")]
    [InlineData((byte)0x82, "EXT1")]
    [InlineData((byte)'P', "PERSID")]
    [InlineData((byte)0x96, "BYTEARRAY8")]
    [InlineData((byte)0xff, "0xff")]
    public void Every_other_opcode_is_refused_by_name(byte opcode, string name)
    {
        var e = Assert.Throws<InvalidInputException>(() => Read(TorchFiles.Zip([0x80, 2, (byte)'N', opcode, (byte)'.'], []), "x.pt"));
        Assert.Equal(("x.pt: dump/data.pkl: byte 3", $"opcode {name}"), (e.Where, e.Found));
    }

    [Fact]
    public void A_pickle_cut_anywhere_is_an_error_with_its_byte()
    {
        var whole = TorchFiles.DumpPickle(3, 1, 3);
        for (var length = 0; length < whole.Length; length++)
        {
            var e = Assert.Throws<InvalidInputException>(() => Read(TorchFiles.Zip(whole[..length], new byte[12]), "x.pt"));
            Assert.StartsWith("x.pt: dump/data.pkl: byte ", e.Where);
        }
    }

    [Fact]
    public void A_tensor_outside_its_storage_is_refused()
    {
        var e = Assert.Throws<InvalidInputException>(() => Read(TorchFiles.Zip(TorchFiles.DumpPickle(3, 2, 3), new byte[12]), "x.pt"));
        Assert.Equal(("x.pt: logical_count", "element 5 of a storage of 3"), (e.Where, e.Found));
        e = Assert.Throws<InvalidInputException>(() => Read(TorchFiles.Zip(TorchFiles.DumpPickle(6, 2, 3), new byte[12]), "x.pt"));
        Assert.Equal("12 bytes in dump/data/0", e.Found);
    }

    [Fact]
    public void Random_bytes_in_a_dump_never_do_anything_but_fail_or_count()
    {
        var whole = TorchFiles.DumpPickle(3, 1, 3);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Array[1, 4].Sample(edits =>
        {
            var pickle = (byte[])whole.Clone();
            foreach (var (at, value) in edits)
                pickle[at] = value;
            try
            {
                Read(TorchFiles.Zip(pickle, TorchFiles.ToBytes([1, 2, 3])), "x.pt");
            }
            catch (InvalidInputException)
            {
            }
        }, iter: 2000);
    }

    [Theory]
    [InlineData("<i4", new byte[] { 1, 0, 0, 0, 2, 0, 0, 0 })]
    [InlineData(">i4", new byte[] { 0, 0, 0, 1, 0, 0, 0, 2 })]
    [InlineData("|u1", new byte[] { 1, 2 })]
    [InlineData("<f2", new byte[] { 0, 0x3c, 0, 0x40 })]
    [InlineData("<f8", new byte[] { 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40 })]
    public void Npy_counts_of_every_type_and_byte_order_are_read(string descr, byte[] data) =>
        Assert.Equal([1L, 2], Row(Read(Npy(descr, [1, 2], data), "counts.npy"), 0));

    [Fact]
    public void Fortran_order_is_the_transpose()
    {
        var loads = Read(Npy("|u1", [2, 3], [1, 4, 2, 5, 3, 6], fortran: true), "counts.npy");
        Assert.Equal([1L, 2, 3], Row(loads, 0));
        Assert.Equal([4L, 5, 6], Row(loads, 1));
    }

    [Fact]
    public void Routed_experts_have_tokens_first()
    {
        // Two tokens, one layer, top 2.
        var loads = Read(Npy("|u1", [2, 1, 2], [0, 2, 2, 1]), "routed_experts.npy");
        Assert.Equal([1L, 1, 2], Row(loads, 0));
    }

    [Fact]
    public void Arrays_of_an_npz_are_windows()
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, count) in new[] { ("a.npy", (byte)1), ("b.npy", (byte)5) })
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(Npy("|u1", [1, 2], [count, 2]));
            }
        var loads = Read(stream.ToArray(), "loads.npz");
        Assert.Equal([1L, 2], Row(loads, 0, window: 0));
        Assert.Equal([5L, 2], Row(loads, 0, window: 1));
    }

    [Fact]
    public void Vllm_records_add_up_the_copies_of_each_expert()
    {
        const string Record = """{"model_name":"m","step":3,"window_expert_load":[[1,2,3,4]],"physical_to_logical_map":[[0,1,2,0]]}""";
        var loads = Read($"{Record}\n{Record}\n", "loads.jsonl");
        Assert.Equal(2, loads.Trace.Windows.Count);
        Assert.Equal([5L, 2, 3], Row(loads, 0));
    }

    [Fact]
    public void Tensorrt_statistics_add_up_ranks_and_keep_true_layer_numbers()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "meta_info.json"), """{"num_experts": 2, "num_experts_per_token": 1}""");
            for (var rank = 0; rank < 2; rank++)
                File.WriteAllBytes(Path.Combine(folder.FullName, $"rank{rank}.safetensors"), Safetensors(rank));
            var loads = LoadsImport.Read(folder.FullName)[0];
            Assert.Equal([3, 4], loads.MoeLayers);
            Assert.Equal(2, loads.Trace.Windows.Count);
            Assert.Equal([0L + 1, 10 + 11], Row(loads, 0));
            Assert.Equal(LoadsImport.Read(Path.Combine(folder.FullName, "meta_info.json"))[0].MoeLayers, loads.MoeLayers);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        static byte[] Safetensors(int rank)
        {
            var entries = new[] { "100_3", "100_4", "101_3", "101_4" }.Select((name, i) =>
                $"\"{name}\":{{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[{16 * i},{16 * i + 16}]}}");
            var header = Encoding.UTF8.GetBytes("{" + string.Join(',', entries) + "}");
            return [.. BitConverter.GetBytes((long)header.Length), .. header,
                .. Enumerable.Range(0, 4).SelectMany(i => new[] { (long)rank + i, 10 + rank + i }.SelectMany(BitConverter.GetBytes))];
        }
    }

    [Fact]
    public void Importance_matrices_give_the_counts_of_their_moe_layers()
    {
        var loads = Read(Imatrix(("blk.3.ffn_up_exps.weight.counts", [9f, 9f]), ("blk.3.ffn_gate_exps.weight.counts", [1f, 2f]),
            ("blk.5.ffn_gate_exps.weight.counts", [3f, 4f]), ("blk.0.attn_q.weight.counts", [7f])), "imatrix.gguf");
        Assert.Equal([3, 5], loads.MoeLayers);
        Assert.Equal([1L, 2], Row(loads, 0));
        Assert.Equal([3L, 4], Row(loads, 1));
    }

    [Fact]
    public void A_gguf_cut_anywhere_is_an_error()
    {
        var whole = Imatrix(("blk.3.ffn_gate_exps.weight.counts", [1f, 2f]));
        // The last 24 bytes are padding.
        for (var length = 4; length < whole.Length - 24; length++)
            Assert.Throws<InvalidInputException>(() => Read(whole[..length], "imatrix.gguf"));
    }

    private static byte[] Imatrix(params (string Name, float[] Counts)[] tensors)
    {
        var file = new List<byte>([.. "GGUF"u8, .. BitConverter.GetBytes(3), .. BitConverter.GetBytes((long)tensors.Length), .. BitConverter.GetBytes(1L)]);
        Text("general.type");
        file.AddRange(BitConverter.GetBytes(8));
        Text("imatrix");
        long offset = 0;
        foreach (var (name, counts) in tensors)
        {
            Text(name);
            file.AddRange([.. BitConverter.GetBytes(2), .. BitConverter.GetBytes((long)counts.Length), .. BitConverter.GetBytes(1L), .. BitConverter.GetBytes(0), .. BitConverter.GetBytes(offset)]);
            offset += 32;
        }
        while (file.Count % 32 != 0)
            file.Add(0);
        foreach (var (_, counts) in tensors)
            file.AddRange([.. counts.SelectMany(BitConverter.GetBytes), .. new byte[32 - 4 * counts.Length]]);
        return [.. file];

        void Text(string text) => file.AddRange([.. BitConverter.GetBytes((long)text.Length), .. Encoding.UTF8.GetBytes(text)]);
    }

    [Fact]
    public void Own_loads_keep_all_their_traces()
    {
        var text = File.ReadAllText(Path.Combine(GoldenFiles.ProjectRoot, "docs", "loads-format.md"));
        var json = text[(text.IndexOf("```json", StringComparison.Ordinal) + 7)..];
        var traces = LoadsImport.Read(Encoding.UTF8.GetBytes(json[..json.IndexOf("```", StringComparison.Ordinal)]), "loads.json", new ImportOptions());
        Assert.Equal([LoadPhase.Prefill, LoadPhase.Decode], traces.Select(loads => loads.Trace.Phase));
        Assert.All(traces, loads => Assert.Equal([1, 3], loads.MoeLayers));
    }

    [Fact]
    public void The_first_recorders_lines_are_read()
    {
        var loads = Read("layer_id,expert_id,count\n1,0,5\n1,2,7\n");
        Assert.Equal([1], loads.MoeLayers);
        Assert.Equal([5L, 0, 7], Row(loads, 0));
    }

    [Fact]
    public void Fractional_loads_keep_their_ratios()
    {
        var row = Row(Read("0.25,0.5,0.125\n"), 0);
        Assert.Equal([500_000_000L, 1_000_000_000, 250_000_000], row);
    }

    [Fact]
    public void Huge_loads_never_overflow()
    {
        var step = $"[[{1L << 62}, {1L << 61}]]";
        var loads = Read($"{{\"logical_count\": [{step}, {step}, {step}, {step}]}}", "huge.json");
        Assert.Equal(2, (double)loads.Trace.Total[0][0] / loads.Trace.Total[0][1], 1e-9);
    }

    [Theory]
    [InlineData("1,2\n3,x\n", "loads.csv: row 2, column 2: found \"x\", expected a number")]
    [InlineData("1,2\n3,nan\n", "loads.csv: row 2, column 2: found NaN, expected a number from 0 to 2^62")]
    [InlineData("1,-2\n", "loads.csv: row 1, column 2: found -2, expected a number from 0 to 2^62")]
    [InlineData("1,2\n3\n", "loads.csv: rows, row 2: found 1 counts, expected 2, as in the first row")]
    [InlineData("1,,2\n", "loads.csv: row 1, column 2: found \"\", expected a number")]
    [InlineData("", "loads.csv: found no lines, expected one line of counts for each layer")]
    [InlineData("0,0\n", "loads.csv: found no load in any layer, expected at least one count above 0")]
    [InlineData("layer_id,expert_id,count\n0,0\n", "loads.csv: row 2: found 2 columns, expected the three columns layer_id,expert_id,count")]
    [InlineData("[[1,2],[3]]", "loads.csv: , row 2: found 1 counts, expected 2, as in the first row")]
    [InlineData("{\"logical_count\":[[1,\"a\"]]}", "loads.csv: logical_count[0][1]: found \"a\", expected a number from 0 to 2^62")]
    [InlineData("{\"logical_count\":[[[1,2]],[[1,-2]]]}", "loads.csv: logical_count[1][0][1]: found -2, expected a number from 0 to 2^62")]
    [InlineData("{\"logical_count\":[1,2]}", "loads.csv: logical_count: found an array of 1 dimensions, expected [layers][experts] or [steps][layers][experts]")]
    [InlineData("{\"physical\":[]}", "loads.csv: found an object without logical_count, expected recorded loads: {\"logical_count\": …} or an array of counts")]
    public void A_mistake_names_file_row_and_column(string text, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidInputException>(() => Read(text)).Message);

    [Theory]
    [InlineData("<f4", new[] { 1, 2 }, 8, "counts.npy: array[0, 1]", "NaN")]
    [InlineData("<f4", new[] { 1, 2 }, 7, "counts.npy: byte 77", "7 bytes of data")]
    [InlineData("<c8", new[] { 1, 1 }, 8, "counts.npy: descr", "'<c8'")]
    [InlineData("<f4", new[] { 100000, 100000 }, 8, "counts.npy: shape", "[100000, 100000]")]
    [InlineData("<f4", new[] { 2 }, 8, "counts.npy: array", "shape [2]")]
    public void A_wrong_array_names_file_and_place(string descr, int[] shape, int bytes, string where, string found)
    {
        byte[] data = [0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f];
        var e = Assert.Throws<InvalidInputException>(() => Read(Npy(descr, shape, data[..bytes]), "counts.npy"));
        Assert.Equal(found, e.Found);
        Assert.StartsWith(where[..where.LastIndexOf(' ')], e.Where);
    }

    [Fact]
    public void Dense_layers_that_have_load_stay_and_only_shift_the_numbers()
    {
        Assert.Equal([3, 4], Read("1,2\n3,4\n", options: new ImportOptions { DenseLayers = 3 }).MoeLayers);
        Assert.Equal([1], Read("0,0\n3,4\n", options: new ImportOptions { DenseLayers = 1 }).MoeLayers);
        Assert.Equal("1 leading layers without load",
            Assert.Throws<InvalidInputException>(() => Read("0,0\n3,4\n", options: new ImportOptions { DenseLayers = 2 })).Found);
    }

    [Fact]
    public void A_json_file_of_random_values_fails_or_counts()
    {
        var cell = Gen.OneOf([Gen.Int[0, 9].Select(i => $"{i}"), .. new[] { "-1", "null", "\"1\"", "1e400", "true", "[]", "{}" }.Select(Gen.Const)]);
        cell.Array[0, 3].Array[0, 3].Sample(cells =>
        {
            var json = "{\"logical_count\":[" + string.Join(',', cells.Select(row => "[" + string.Join(',', row) + "]")) + "]}";
            try
            {
                var loads = Read(json, "x.json");
                using var document = JsonDocument.Parse(json);
                Assert.Equal(document.RootElement.GetProperty("logical_count").EnumerateArray().Sum(row => row.EnumerateArray().Sum(c => c.GetInt64())),
                    Enumerable.Range(0, loads.Trace.Total.Layers).Sum(l => loads.Trace.Total[l].ToArray().Sum()));
            }
            catch (InvalidInputException)
            {
            }
        }, iter: 500);
    }
}
