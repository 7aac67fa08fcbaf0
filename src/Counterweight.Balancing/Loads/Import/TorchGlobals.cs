namespace Counterweight.Balancing.Loads.Import;

/// <summary>A name that pickles of tensors refer to.</summary>
/// <param name="Name">The full name in Python.</param>
/// <param name="Type">The numbers of a storage class or dtype; null for functions.</param>
internal sealed record TorchGlobal(string Name, NumberType? Type);

/// <summary>Where a tensor's numbers lie in the archive.</summary>
internal sealed record TorchStorage(NumberType Type, string Key, long Elements);

/// <summary>A tensor that has not been read yet: a strided view of a storage.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides);

/// <summary>The few names that tensors are pickled with; there are no others.</summary>
internal static class TorchGlobals
{
    private const string RebuildTensor = "torch._utils._rebuild_tensor_v2", OrderedDict = "collections.OrderedDict";

    private static readonly Dictionary<string, TorchGlobal> Known = new TorchGlobal[]
    {
        new(RebuildTensor, null),
        new(OrderedDict, null),
        new("torch.ByteStorage", new(NumberKind.Unsigned, 1)),
        new("torch.CharStorage", new(NumberKind.Signed, 1)),
        new("torch.ShortStorage", new(NumberKind.Signed, 2)),
        new("torch.IntStorage", new(NumberKind.Signed, 4)),
        new("torch.LongStorage", new(NumberKind.Signed, 8)),
        new("torch.BoolStorage", new(NumberKind.Unsigned, 1)),
        new("torch.HalfStorage", new(NumberKind.Float, 2)),
        new("torch.BFloat16Storage", new(NumberKind.BFloat, 2)),
        new("torch.FloatStorage", new(NumberKind.Float, 4)),
        new("torch.DoubleStorage", new(NumberKind.Float, 8)),
    }.ToDictionary(global => global.Name);

    public static TorchGlobal Find(string module, string name, RestrictedPickle at) =>
        Known.TryGetValue($"{module}.{name}", out var global)
            ? global
            : throw at.Error($"the name {module}.{name}", "only names of tensors: "
                + string.Join(", ", Known.Keys.Order(StringComparer.Ordinal)));

    // ('storage', storage class, key, location, elements)
    public static TorchStorage Storage(object? persistentId, RestrictedPickle at) =>
        persistentId is object?[] and ["storage", TorchGlobal { Type: { } type }, string key, string, long and >= 0 and var elements]
            ? new TorchStorage(type, key, elements)
            : throw at.Error("a persistent id that is no storage", "('storage', class, key, location, elements)");

    public static object Call(TorchGlobal callee, object?[] arguments, RestrictedPickle at)
    {
        if (callee.Name == OrderedDict && arguments.Length == 0)
            return new Dictionary<object, object?>();
        // (storage, offset, size, stride, requires_grad, backward_hooks, …)
        if (callee.Name == RebuildTensor &&
            arguments is [TorchStorage storage, long offset, object?[] size, object?[] stride, bool, ..] && size.Length == stride.Length)
            return new TorchTensor(storage, offset, Numbers(size, at), Numbers(stride, at));
        throw at.Error($"a call of {callee.Name} with other arguments than a tensor has", "a tensor");
    }

    private static long[] Numbers(object?[] values, RestrictedPickle at)
    {
        var numbers = new long[values.Length];
        for (var i = 0; i < values.Length; i++)
            numbers[i] = values[i] is long and >= 0 and var number ? number : throw at.Error("a size that is no number", "a number from 0");
        return numbers;
    }
}
