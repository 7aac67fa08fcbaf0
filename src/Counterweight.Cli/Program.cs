return await Counterweight.Cli.CommandLine.RunAsync(args, Console.Out, Console.Error);
