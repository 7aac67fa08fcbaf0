using BenchmarkDotNet.Running;
using Counterweight.Planning.Bench;

if (args is ["holdout", .. var rest])
    return HoldOut.Run(rest);
BenchmarkSwitcher.FromAssembly(typeof(PlanBench).Assembly).Run(args);
return 0;
