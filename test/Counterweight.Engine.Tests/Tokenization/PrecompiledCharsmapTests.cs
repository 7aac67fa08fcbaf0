using System.Buffers.Binary;
using System.Text;
using Counterweight.Engine.Tokenization.Normalizers;

namespace Counterweight.Tests.Tokenization;

public sealed class PrecompiledCharsmapTests
{
    [Theory]
    [InlineData("Ａ１ plain", "A1 plain")]
    [InlineData("e\u0301e", "ée")] // a cluster is looked up as a whole
    [InlineData("x\u0301", "x\u0301")]
    [InlineData("ﬁ\u0301", "fi")] // and takes the shortest key that it starts with
    [InlineData("\u1112\u1161\u11AB", "하\u11AB")] // but not from six bytes on: character by character
    [InlineData("a\r\nb\nc", "a c")]
    [InlineData("\0\u0007", "\0")]
    [InlineData("😀𝐀", "😀A")]
    [InlineData("", "")]
    public void Replaces_clusters_or_characters(string text, string expected)
    {
        var charsmap = PrecompiledCharsmap.TryRead(Table(new()
        {
            ["Ａ"] = "A",
            ["１"] = "1",
            ["e\u0301"] = "é",
            ["ﬁ"] = "fi",
            ["\u1112"] = "하",
            ["\u1161"] = "",
            ["\r\n"] = " ",
            ["b"] = "",
            ["\n"] = "",
            ["\u0007"] = "",
            ["𝐀"] = "A",
        }))!;
        Assert.Equal(expected, charsmap.Normalize(text));
        Assert.Equal(Encoding.UTF8.GetByteCount("하"), charsmap.LongestReplacement);
    }

    [Fact]
    public void A_damaged_table_reads_nothing_outside_of_it()
    {
        var table = Table(new() { ["Ａ"] = "A", ["e\u0301"] = "é" });
        var random = new Random(1);
        for (var i = 0; i < 2000; i++)
        {
            var damaged = table.AsSpan(0, random.Next(table.Length + 1)).ToArray();
            for (var changes = 0; damaged.Length > 0 && changes < 3; changes++)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            Assert.NotNull(PrecompiledCharsmap.TryRead(damaged)?.Normalize("Ａe\u0301 plain") ?? "");
        }
    }

    /// <summary>A table of replacements in which the children of each node have 256 units to themselves.</summary>
    private static byte[] Table(Dictionary<string, string> replacements)
    {
        var strings = new MemoryStream();
        var root = new Node();
        foreach (var (key, value) in replacements)
        {
            var node = root;
            foreach (var part in Encoding.UTF8.GetBytes(key))
                node = node.Children.TryGetValue(part, out var child) ? child : node.Children[part] = new Node();
            node.Value = (int)strings.Length;
            strings.Write(Encoding.UTF8.GetBytes(value + '\0'));
        }
        var units = new List<uint>();
        Place(root, position: 0, label: 0, units);
        var table = new byte[4 + 4 * units.Count + strings.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(table, (uint)(4 * units.Count));
        for (var i = 0; i < units.Count; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(4 * (i + 1)), units[i]);
        strings.ToArray().CopyTo(table, 4 + 4 * units.Count);
        return table;
    }

    private static void Place(Node node, int position, byte label, List<uint> units)
    {
        // The root's own unit is the first of a block that nobody's children have.
        if (units.Count == 0)
            units.AddRange(new uint[256]);
        var children = units.Count;
        units.AddRange(new uint[256]);
        units[position] = (uint)(position ^ children) << 10 | (node.Value is null ? 0 : 1u << 8) | label;
        if (node.Value is { } value)
            units[children] = 1u << 31 | (uint)value;
        foreach (var (part, child) in node.Children)
            Place(child, children ^ part, part, units);
    }

    private sealed class Node
    {
        public Dictionary<byte, Node> Children { get; } = [];

        public int? Value { get; set; }
    }
}
