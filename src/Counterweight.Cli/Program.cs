using System.CommandLine;
using Counterweight.Cli.Output;
using Counterweight.Cli.Verbs;

var root = new RootCommand("Counterweight: training-free load balancing for sparse Mixture-of-Experts models")
{
    BalanceVerb.Create(),
};
var parsed = root.Parse(args);
foreach (var error in parsed.Errors)
    Console.Error.WriteLine($"counterweight: {TerminalText.OneLine(error.Message)}");
if (parsed.Errors.Count == 0)
    return await parsed.InvokeAsync();
Console.Error.WriteLine("counterweight: --help lists what can be given");
return ExitCodes.WrongUse;
