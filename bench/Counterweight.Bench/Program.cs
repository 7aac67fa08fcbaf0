using Counterweight.Bench;
using Counterweight.Bench.Peer;
using Counterweight.Evaluation.Balance;

Console.WriteLine($"CPU: {Machine.Processor()}, .NET {Environment.Version}, one thread, best of many runs");
switch (args)
{
    case ["kernels"] or ["kernels", _]:
        KernelBench.Run(args.ElementAtOrDefault(1));
        return 0;
    case ["quantizers", var model, .. { Length: > 0 } texts]:
        QuantizerBench.Run(model, texts);
        return 0;
    case ["quality", var model, .. { Length: > 0 } texts]:
        QualityBench.Run(model, texts);
        return 0;
    case ["tokenizers", var folder, .. { Length: > 0 } texts]:
        TokenizerBench.Run(folder, texts);
        return 0;
    case ["peer", .. var options]:
        PeerBench.Run(PeerOptions.Parse(options));
        return 0;
    default:
        Console.Error.WriteLine("usage: Counterweight.Bench kernels [KIND] | quantizers MODEL TEXT... | quality MODEL TEXT... | tokenizers FOLDER TEXT... | peer [--shapes A,B] [--formats q8_0,q4_0,bf16] [--threads 1,2] [--runs 5] [--models FOLDER] [--results FOLDER]");
        return 2;
}
