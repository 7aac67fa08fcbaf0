using System.CommandLine;
using Counterweight.Planner;

var root = new RootCommand("Plans expert placement for serving engines from recorded loads: no GPU, no model, no network");
PlannerVerbs.AddTo(root);
return PlannerVerbs.Run(root, args);
