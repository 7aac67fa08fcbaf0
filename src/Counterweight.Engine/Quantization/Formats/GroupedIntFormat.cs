using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.RegularExpressions;
using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Quantization.Formats;

/// <summary>
/// Unsigned integers whose groups of inputs share a scale and a zero point, weight = (code − zero) · scale: GPTQ, AWQ and compressed-tensors, each repacked at
/// load from its own order. Panels of 16 outputs: codes as words [panels][words][16], a stream of bits along the inputs; scales [panels][groups][16]; zero points
/// [panels][groups][16] of a byte unless all are half of the range; the group of each input [inputs], where they do not follow each other ("act order").
/// </summary>
public sealed unsafe partial class GroupedIntFormat : StoredFormat
{
    private const int WordBits = 32;

    [ThreadStatic]
    private static AlignedBuffer? _scratch; // [groups][16] scales, [groups][16] zero points

    /// <summary>A format.</summary>
    /// <param name="bits">Bits of a code, 2, 3, 4 or 8.</param>
    /// <param name="groupSize">Inputs of a group; 0 for the whole row. With an index what it was made for, and not used.</param>
    /// <param name="scaleType">F16, BF16 or F32.</param>
    /// <param name="symmetric">Whether every zero point is half of the range, and none is stored.</param>
    /// <param name="indexedGroups">Groups that an index of inputs points to; 0: groups follow each other.</param>
    public GroupedIntFormat(int bits, int groupSize, DType scaleType, bool symmetric, int indexedGroups = 0)
    {
        (Bits, GroupSize, ScaleType, IsSymmetric, IndexedGroups) = (bits, groupSize, scaleType, symmetric, indexedGroups);
        ArgumentOutOfRangeException.ThrowIfNotEqual(bits is 2 or 3 or 4 or 8, true, nameof(bits));
        ArgumentOutOfRangeException.ThrowIfNotEqual(scaleType is DType.F16 or DType.BF16 or DType.F32, true, nameof(scaleType));
    }

    /// <summary>Bits of a code.</summary>
    public int Bits { get; }

    /// <summary>Inputs of a group; 0 for the whole row.</summary>
    public int GroupSize { get; }

    /// <summary>Type of the scales.</summary>
    public DType ScaleType { get; }

    /// <summary>Whether no zero points are stored.</summary>
    public bool IsSymmetric { get; }

    /// <summary>Groups that an index of inputs points to; 0 without one.</summary>
    public int IndexedGroups { get; }

    /// <summary>The zero point of symmetric codes.</summary>
    public int HalfRange => 1 << (Bits - 1);

    /// <inheritdoc/>
    public override string Name =>
        $"int{Bits}-{GroupSize}-{ScaleType.Name().ToLowerInvariant()}-{(IsSymmetric ? "symmetric" : "zeros")}" + (IndexedGroups > 0 ? $"-indexed{IndexedGroups}" : "");

    /// <summary>The format of that name, or null.</summary>
    public static GroupedIntFormat? Parse(string name)
    {
        var match = NamePattern().Match(name);
        if (!match.Success || !DTypes.TryParse(match.Groups[3].Value.ToUpperInvariant(), out var scaleType))
            return null;
        return new GroupedIntFormat(Number(match, 1), Number(match, 2), scaleType, match.Groups[4].Value == "symmetric", match.Groups[5].Success ? Number(match, 5) : 0);
    }

    /// <summary>Groups of a row.</summary>
    public int Groups(int inputs) => IndexedGroups > 0 ? IndexedGroups : GroupSize > 0 ? (inputs + GroupSize - 1) / GroupSize : 1;

    /// <summary>Words of a row.</summary>
    public int Words(int inputs) => (int)(((long)inputs * Bits + WordBits - 1) / WordBits);

    /// <inheritdoc/>
    public override long Bytes(int outputs, int inputs) => Layout(outputs, inputs).End;

    /// <summary>Where the parts of a matrix lie, in bytes.</summary>
    internal GroupedIntLayout Layout(int outputs, int inputs)
    {
        var lanes = (outputs + PanelWidth - 1L) / PanelWidth * PanelWidth;
        var scales = lanes * Words(inputs) * sizeof(uint);
        var zeros = scales + lanes * Groups(inputs) * (ScaleType.Bits() / 8);
        var index = zeros + (IsSymmetric ? 0 : lanes * Groups(inputs));
        return new GroupedIntLayout(scales, zeros, index, index + (IndexedGroups > 0 ? inputs * (long)sizeof(int) : 0));
    }

    /// <inheritdoc/>
    public override void Check(ReadOnlySpan<byte> bytes, int outputs, int inputs, string place)
    {
        if (IndexedGroups == 0)
            return;
        var index = MemoryMarshal.Cast<byte, int>(bytes[(int)Layout(outputs, inputs).Index..]);
        for (var i = 0; i < index.Length; i++)
            if ((uint)index[i] >= (uint)IndexedGroups)
                throw new InvalidInputException($"{place}, input {i}", $"group {index[i]}", $"0 to {IndexedGroups - 1}");
    }

    /// <inheritdoc/>
    public override void DecodePanel(in StoredCodes codes, int panel, float* widened)
    {
        var (inputs, groups) = (codes.Inputs, Groups(codes.Inputs));
        var layout = Layout(codes.Outputs, inputs);
        var scales = Scratch.Reserve(ref _scratch, 2L * groups * PanelWidth);
        var zeros = (int*)(scales + groups * PanelWidth);
        WidenGroups(codes.Pointer, layout, panel * groups * PanelWidth, groups * PanelWidth, scales, zeros);
        var words = (uint*)codes.Pointer + (long)panel * Words(inputs) * PanelWidth;
        var index = IndexedGroups > 0 ? (int*)(codes.Pointer + layout.Index) : null;
        var groupSize = GroupSize > 0 ? GroupSize : inputs;
        var mask = Vector512.Create((1u << Bits) - 1);
        var (group, left) = (0, groupSize);
        for (int i = 0, bit = 0; i < inputs; i++, bit += Bits, widened += PanelWidth)
        {
            if (index is not null)
                group = index[i] * PanelWidth;
            else if (left-- == 0)
                (group, left) = (group + PanelWidth, groupSize - 1);
            var word = words + (bit / WordBits) * PanelWidth;
            var shift = bit % WordBits;
            var code = Vector512.Load(word) >> shift;
            if (shift + Bits > WordBits)
                code |= Vector512.Load(word + PanelWidth) << (WordBits - shift);
            var steps = (code & mask).AsInt32() - Vector512.Load(zeros + group);
            (Vector512.ConvertToSingle(steps) * Vector512.Load(scales + group)).Store(widened);
        }
    }

    /// <inheritdoc/>
    public override void DecodeRow(in StoredCodes codes, int row, float* values)
    {
        var layout = Layout(codes.Outputs, codes.Inputs);
        var (panel, lane) = (row / PanelWidth, row % PanelWidth);
        var words = (uint*)codes.Pointer + (long)panel * Words(codes.Inputs) * PanelWidth + lane;
        var groups = (long)panel * Groups(codes.Inputs) * PanelWidth + lane;
        var groupSize = GroupSize > 0 ? GroupSize : codes.Inputs;
        for (var i = 0; i < codes.Inputs; i++)
        {
            var group = groups + (IndexedGroups > 0 ? ((int*)(codes.Pointer + layout.Index))[i] : i / groupSize) * PanelWidth;
            long bit = (long)i * Bits, word = bit / WordBits * PanelWidth;
            var shift = (int)(bit % WordBits);
            var code = words[word] >> shift;
            if (shift + Bits > WordBits)
                code |= words[word + PanelWidth] << (WordBits - shift);
            values[i] = ((int)(code & ((1u << Bits) - 1)) - Zero(codes.Pointer, layout, group)) * Scale(codes.Pointer, layout, group);
        }
    }

    private void WidenGroups(byte* codes, GroupedIntLayout layout, int first, int count, float* scales, int* zeros)
    {
        var source = codes + layout.Scales + (long)first * (ScaleType.Bits() / 8);
        var target = new Span<float>(scales, count);
        switch (ScaleType)
        {
            case DType.F16: TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, count), target); break;
            case DType.BF16: BFloat16.Widen(new ReadOnlySpan<ushort>(source, count), target); break;
            default: new ReadOnlySpan<float>(source, count).CopyTo(target); break;
        }
        if (IsSymmetric)
            new Span<int>(zeros, count).Fill(HalfRange);
        else
            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<byte>(codes + layout.Zeros + first, count), new Span<int>(zeros, count));
    }

    private float Scale(byte* codes, GroupedIntLayout layout, long at) => ScaleType switch
    {
        DType.F16 => (float)((Half*)(codes + layout.Scales))[at],
        DType.BF16 => BitConverter.UInt32BitsToSingle((uint)((ushort*)(codes + layout.Scales))[at] << 16),
        _ => ((float*)(codes + layout.Scales))[at],
    };

    private int Zero(byte* codes, GroupedIntLayout layout, long at) => IsSymmetric ? HalfRange : (codes + layout.Zeros)[at];

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex("^int([2348])-([0-9]{1,8})-(f16|bf16|f32)-(symmetric|zeros)(?:-indexed([1-9][0-9]{0,7}))?$")]
    private static partial Regex NamePattern();
}

/// <summary>Where the parts of a matrix lie behind its words, in bytes.</summary>
internal readonly record struct GroupedIntLayout(long Scales, long Zeros, long Index, long End);
