using Counterweight.Fuzz;
using SharpFuzz;

switch (args)
{
    case ["run", var name] when FuzzTarget.Of(name) is { } target:
        Fuzzer.OutOfProcess.Run(stream => target.Run(ReadAll(stream)));
        return 0;
    case ["replay", var name, .. var files] when FuzzTarget.Of(name) is { } target:
        foreach (var file in files)
            Replay(target, file);
        return 0;
    default:
        Console.Error.WriteLine($"usage: run TARGET, or replay TARGET FILE…, where TARGET is one of {string.Join(", ", FuzzTarget.Names)}");
        return 2;
}

static byte[] ReadAll(Stream stream)
{
    using var memory = new MemoryStream();
    stream.CopyTo(memory);
    return memory.ToArray();
}

static void Replay(FuzzTarget target, string file)
{
    Console.Write($"{file}: ");
    Console.WriteLine(target.Run(File.ReadAllBytes(file))?.Message ?? "accepted");
}
