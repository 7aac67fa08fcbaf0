using System.CommandLine;

var root = new RootCommand("Counterweight: training-free load balancing for sparse Mixture-of-Experts models");
return await root.Parse(args).InvokeAsync();
