using System.Runtime.InteropServices;
using Counterweight.Balancing.Plans;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// Writes the machine code of one register tile: void f(CodeTile*), System V calling convention. The loop goes over groups of 32 inputs. Integers: int32 sums
/// begin with the correction for weights that enter as unsigned bytes, and are added to the fp32 sums at the end of the group. bf16: pairs of products are added to
/// the fp32 sums at once.
/// </summary>
internal sealed class TileEmitter(TileShape shape)
{
    /// <summary>The last four are those of the scales where there are some.</summary>
    private static readonly AssemblerRegister64[] RowRegisters = [r10, r11, rbx, rbp, r12, r13, rdx, rsi, r8, r15];

    private readonly Assembler _code = new(64);

    private static AssemblerRegister64 Arguments => rdi;

    private static AssemblerRegister64 Groups => r9;

    private static AssemblerRegister64 ScaleStep => r8;

    private static AssemblerRegister64 Next => r14;

    private static AssemblerRegister64 ScalesAhead => r15;

    private static AssemblerRegisterZMM Activations => zmm28;

    private static AssemblerRegisterZMM Scale => zmm29;

    private bool IsInteger => shape.Codes != Precision.Bf16;

    private int BlockBytes => IsInteger ? QuantizedRows.BlockBytes : RoundedRows.BlockBytes;

    /// <summary>128 or 15 in every byte.</summary>
    private static AssemblerRegisterZMM ByteConstant => zmm30;

    public byte[] Emit()
    {
        AssemblerRegister64[] saved = [rbx, rbp, r12, r13, r14, r15];
        foreach (var register in saved)
            _code.push(register);
        Begin();
        var loop = _code.CreateLabel();
        _code.Label(ref loop);
        if (IsInteger)
            StartSums();
        for (var word = 0; word < shape.Lines; word++)
        {
            FetchNext(word);
            MultiplyWord(word);
        }
        if (IsInteger)
            AddScaled();
        Advance();
        _code.jnz(loop);
        StoreResults();
        _code.vzeroupper();
        foreach (var register in Enumerable.Reverse(saved))
            _code.pop(register);
        _code.ret();
        using var stream = new MemoryStream();
        _code.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }

    private static AssemblerRegisterZMM Zmm(int index) => new AssemblerRegisterZMM[]
    {
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15, zmm16, zmm17, zmm18, zmm19, zmm20, zmm21,
        zmm22, zmm23, zmm24, zmm25, zmm26, zmm27,
    }[index];

    private AssemblerRegisterZMM Sum(int row, int panel) => Zmm(row * shape.Panels + panel);

    private AssemblerRegisterZMM Product(int row, int panel) => Zmm(12 + row * shape.Panels + panel);

    /// <summary>int4: two for each panel, inputs 0 to 3 and 4 to 7 of the words.</summary>
    private static AssemblerRegisterZMM Weights(int panel, int part = 0) => Zmm(24 + 2 * part + panel);

    private static AssemblerRegister64 Codes(int panel) => panel == 0 ? rax : rcx;

    private static AssemblerRegister64 Scales(int panel) => panel == 0 ? rdx : rsi;

    private static int Offset(string field) => (int)Marshal.OffsetOf<CodeTile>(field);

    private void Begin()
    {
        if (IsInteger)
        {
            _code.mov(Scales(0), __qword_ptr[Arguments + Offset(nameof(CodeTile.Scales))]);
            _code.mov(Scales(1), __qword_ptr[Arguments + Offset(nameof(CodeTile.NextScales))]);
            _code.mov(ScaleStep, __qword_ptr[Arguments + Offset(nameof(CodeTile.ScaleStep))]);
            _code.mov(ScalesAhead, __qword_ptr[Arguments + Offset(nameof(CodeTile.ScalesAhead))]);
            _code.mov(eax, shape.Codes == Precision.Int4 ? 0x0F0F0F0F : unchecked((int)0x80808080));
            _code.vpbroadcastd(ByteConstant, eax);
        }
        _code.mov(Codes(0), __qword_ptr[Arguments + Offset(nameof(CodeTile.Codes))]);
        _code.mov(Codes(1), __qword_ptr[Arguments + Offset(nameof(CodeTile.NextCodes))]);
        _code.mov(Next, __qword_ptr[Arguments + Offset(nameof(CodeTile.Next))]);
        _code.mov(Groups, __qword_ptr[Arguments + Offset(nameof(CodeTile.Groups))]);
        for (var row = 0; row < shape.Rows; row++)
        {
            _code.mov(RowRegisters[row], __qword_ptr[Arguments + Offset(nameof(CodeTile.X)) + 8 * row]);
            for (var panel = 0; panel < shape.Panels; panel++)
                _code.vpxord(Sum(row, panel), Sum(row, panel), Sum(row, panel));
        }
    }

    private void StartSums()
    {
        for (var row = 0; row < shape.Rows; row++)
        {
            _code.vpbroadcastd(Product(row, 0), __dword_ptr[RowRegisters[row] + QuantizedRows.SumOffset]);
            _code.vpslld(Product(row, 0), Product(row, 0), (byte)(shape.Codes == Precision.Int4 ? 3 : 7));
            if (shape.Panels == 2)
                _code.vmovdqa64(Product(row, 1), Product(row, 0));
        }
    }

    private void MultiplyWord(int word)
    {
        switch (shape.Codes)
        {
            case Precision.Int4: MultiplyEights(word); break;
            case Precision.Int8: MultiplyFours(word); break;
            default: MultiplyPairs(word); break;
        }
    }

    private void MultiplyPairs(int word)
    {
        for (var panel = 0; panel < shape.Panels; panel++)
            _code.vmovdqu32(Weights(panel), __zmmword_ptr[Codes(panel) + 64 * word]);
        for (var row = 0; row < shape.Rows; row++)
        {
            _code.vpbroadcastd(Activations, __dword_ptr[RowRegisters[row] + 4 * word]);
            for (var panel = 0; panel < shape.Panels; panel++)
                _code.vdpbf16ps(Sum(row, panel), Weights(panel), Activations);
        }
    }

    private void MultiplyFours(int word)
    {
        for (var panel = 0; panel < shape.Panels; panel++)
            _code.vpxord(Weights(panel), ByteConstant, __zmmword_ptr[Codes(panel) + 64 * word]);
        MultiplyRows(4 * word, 0);
    }

    private void FetchNext(int word)
    {
        var lines = shape.FetchLines * shape.Panels;
        for (var line = lines * word / shape.Lines; line < lines * (word + 1) / shape.Lines; line++)
            _code.prefetcht0(__byte_ptr[Next + 64 * line]);
    }

    private void MultiplyEights(int word)
    {
        for (var panel = 0; panel < shape.Panels; panel++)
        {
            _code.vpandd(Weights(panel), ByteConstant, __zmmword_ptr[Codes(panel) + 64 * word]);
            _code.vpsrlw(Weights(panel, 1), __zmmword_ptr[Codes(panel) + 64 * word], 4);
            _code.vpandd(Weights(panel, 1), Weights(panel, 1), ByteConstant);
        }
        MultiplyRows(8 * word, 0);
        MultiplyRows(8 * word + 4, 1);
    }

    private void MultiplyRows(int input, int part)
    {
        for (var row = 0; row < shape.Rows; row++)
        {
            _code.vpbroadcastd(Activations, __dword_ptr[RowRegisters[row] + QuantizedRows.CodesOffset + input]);
            for (var panel = 0; panel < shape.Panels; panel++)
                _code.vpdpbusd(Product(row, panel), Weights(panel, part), Activations);
        }
    }

    private void AddScaled()
    {
        for (var panel = 0; panel < shape.Panels; panel++)
        {
            LoadScales(Weights(panel), Scales(panel));
            if (shape.FetchLines > 0)
                _code.prefetcht0(__byte_ptr[Scales(panel) + ScalesAhead]);
        }
        for (var row = 0; row < shape.Rows; row++)
        {
            _code.vbroadcastss(Activations, __dword_ptr[RowRegisters[row]]);
            for (var panel = 0; panel < shape.Panels; panel++)
            {
                _code.vmulps(Scale, Activations, Weights(panel));
                _code.vcvtdq2ps(Product(row, panel), Product(row, panel));
                _code.vfmadd231ps(Sum(row, panel), Product(row, panel), Scale);
            }
        }
    }

    private void LoadScales(AssemblerRegisterZMM register, AssemblerRegister64 address)
    {
        switch (shape.Scales)
        {
            case ScaleType.Half:
                _code.vcvtph2ps(register, __ymmword_ptr[address]);
                break;
            case ScaleType.BFloat16:
                _code.vpmovzxwd(register, __ymmword_ptr[address]);
                _code.vpslld(register, register, 16);
                break;
            default:
                _code.vmovups(register, __zmmword_ptr[address]);
                break;
        }
    }

    /// <summary>To the next group; the zero flag says that there is none.</summary>
    private void Advance()
    {
        for (var row = 0; row < shape.Rows; row++)
            _code.add(RowRegisters[row], BlockBytes);
        if (shape.FetchLines > 0)
            _code.add(Next, 64 * shape.FetchLines * shape.Panels);
        for (var panel = 0; panel < shape.Panels; panel++)
        {
            _code.add(Codes(panel), 64 * shape.Lines);
            if (IsInteger)
                _code.add(Scales(panel), ScaleStep);
        }
        _code.dec(Groups);
    }

    private void StoreResults()
    {
        for (var row = 0; row < shape.Rows; row++)
        {
            _code.mov(rax, __qword_ptr[Arguments + Offset(nameof(CodeTile.Y)) + 8 * row]);
            for (var panel = 0; panel < shape.Panels; panel++)
                _code.vmovups(__zmmword_ptr[rax + 64 * panel], Sum(row, panel));
        }
    }
}
