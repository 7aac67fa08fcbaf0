using System.Buffers.Binary;
using System.Text;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>
/// Reads pickles that hold nothing but dictionaries, lists, tuples, strings, numbers and PyTorch tensors. It runs no code: a global is only
/// a name here, the few names that tensors need are known, and every other opcode or name is refused.
/// Values are null, bool, long, double, string, List&lt;object?&gt;, object?[] (tuples), Dictionary&lt;object, object?&gt; and <see
/// cref="TorchTensor"/>.
/// </summary>
internal ref struct RestrictedPickle
{
    private const int MaxItems = 1 << 20;

    private static readonly object Mark = new();

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _file;
    private readonly List<object?> _stack = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _at;
    private int _opcodeAt;

    private RestrictedPickle(ReadOnlySpan<byte> bytes, string file)
    {
        _bytes = bytes;
        _file = file;
    }

    /// <summary>The value of a whole pickle.</summary>
    /// <exception cref="InvalidInputException">It is truncated or holds something else: names the byte and the opcode.</exception>
    public static object? Read(ReadOnlySpan<byte> bytes, string file)
    {
        var reader = new RestrictedPickle(bytes, file);
        while (true)
        {
            reader._opcodeAt = reader._at;
            var opcode = reader.Take(1)[0];
            if (opcode == (byte)'.')
                return reader.Pop();
            reader.Execute(opcode);
            if (reader._stack.Count > MaxItems || reader._memo.Count > MaxItems)
                throw reader.Error($"more than {MaxItems} values", "a recorder dump");
        }
    }

    private void Execute(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: Protocol(); break;
            case 0x95: Take(8); break;
            case (byte)'(': _stack.Add(Mark); break;
            case (byte)'N': _stack.Add(null); break;
            case 0x88: _stack.Add(true); break;
            case 0x89: _stack.Add(false); break;
            case (byte)'J': _stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case (byte)'K': _stack.Add((long)Take(1)[0]); break;
            case (byte)'M': _stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case 0x8a: _stack.Add(Long()); break;
            case (byte)'G': _stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
            case (byte)'X': _stack.Add(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
            case 0x8c: _stack.Add(Text(Take(1)[0])); break;
            case (byte)'}': _stack.Add(new Dictionary<object, object?>()); break;
            case (byte)']': _stack.Add(new List<object?>()); break;
            case (byte)')': _stack.Add(Array.Empty<object?>()); break;
            case (byte)'t': _stack.Add(PopToMark()); break;
            case 0x85 or 0x86 or 0x87: _stack.Add(PopMany(opcode - 0x84)); break;
            case (byte)'s': SetItems([.. PopMany(2)]); break;
            case (byte)'u': SetItems(PopToMark()); break;
            case (byte)'a': Append(PopMany(1)); break;
            case (byte)'e': Append(PopToMark()); break;
            case (byte)'q': _memo[Take(1)[0]] = Peek(); break;
            case (byte)'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Peek(); break;
            case 0x94: _memo[(uint)_memo.Count] = Peek(); break;
            case (byte)'h': _stack.Add(Recall(Take(1)[0])); break;
            case (byte)'j': _stack.Add(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
            case (byte)'c': _stack.Add(TorchGlobals.Find(Line(), Line(), this)); break;
            case 0x93: StackGlobal(); break;
            case (byte)'Q': _stack.Add(TorchGlobals.Storage(Pop(), this)); break;
            case (byte)'R': Reduce(); break;
            default: throw Error($"opcode {PickleOpcode.NameOf(opcode)}", "only tensors, lists, dictionaries, strings and numbers");
        }
    }

    /// <summary>A complaint about the current opcode.</summary>
    public readonly InvalidInputException Error(string found, string expected) => new($"{_file}: byte {_opcodeAt}", found, expected);

    private void Protocol()
    {
        if (Take(1)[0] is > 5 and var version)
            throw Error($"pickle protocol {version}", "0 to 5");
    }

    private void StackGlobal()
    {
        var names = PopMany(2);
        if (names[0] is not string module || names[1] is not string name)
            throw Error("opcode STACK_GLOBAL without two names", "a module and a name");
        _stack.Add(TorchGlobals.Find(module, name, this));
    }

    private void Reduce()
    {
        var parts = PopMany(2);
        if (parts[0] is not TorchGlobal callee || parts[1] is not object?[] arguments)
            throw Error("opcode REDUCE of something that is no known function", "a tensor");
        _stack.Add(TorchGlobals.Call(callee, arguments, this));
    }

    private readonly void SetItems(object?[] pairs)
    {
        if (pairs.Length % 2 != 0 || Peek() is not Dictionary<object, object?> dictionary)
            throw Error("items for something that is no dictionary", "a dictionary");
        for (var i = 0; i < pairs.Length; i += 2)
            dictionary[pairs[i] is string or long ? pairs[i]!
                : throw Error("a key that is no string or number", "a string or a number")] = pairs[i + 1];
    }

    private readonly void Append(object?[] items)
    {
        if (Peek() is not List<object?> list)
            throw Error("items for something that is no list", "a list");
        list.AddRange(items);
    }

    private readonly object? Recall(uint key) =>
        _memo.TryGetValue(key, out var value) ? value : throw Error($"memo {key} before it is set", "a memo that was set");

    private readonly object? Peek() => _stack.Count > 0 && _stack[^1] != Mark ? _stack[^1] : throw Error("an empty stack", "a value");

    private object? Pop() => PopMany(1)[0];

    private readonly object?[] PopMany(int count)
    {
        if (_stack.Count < count || _stack.LastIndexOf(Mark) >= _stack.Count - count)
            throw Error("an empty stack", $"{count} values");
        var values = _stack.GetRange(_stack.Count - count, count).ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private readonly object?[] PopToMark()
    {
        var mark = _stack.LastIndexOf(Mark);
        if (mark < 0)
            throw Error("no mark on the stack", "a mark");
        var values = _stack.GetRange(mark + 1, _stack.Count - mark - 1).ToArray();
        _stack.RemoveRange(mark, _stack.Count - mark);
        return values;
    }

    private long Long()
    {
        var length = Take(1)[0];
        if (length > 8)
            throw Error($"an integer of {length} bytes", "at most 8");
        long value = 0;
        var bytes = Take(length);
        for (var i = 0; i < length; i++)
            value |= (long)bytes[i] << (8 * i);
        return length is > 0 and < 8 ? value << (64 - 8 * length) >> (64 - 8 * length) : value;
    }

    private string Text(long length)
    {
        if (length > _bytes.Length - _at)
            throw Error($"a string of {length} bytes in {_bytes.Length - _at} bytes", "the whole string");
        return Encoding.UTF8.GetString(Take((int)length));
    }

    private string Line()
    {
        var length = _bytes[_at..].IndexOf((byte)'\n');
        if (length < 0)
            throw Error("no end of the name", "a line");
        var line = Encoding.UTF8.GetString(Take(length));
        Take(1);
        return line;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _at)
            throw new InvalidInputException($"{_file}: byte {_at}", "the end of the pickle", "STOP at its end: the file is truncated");
        var taken = _bytes.Slice(_at, count);
        _at += count;
        return taken;
    }
}
