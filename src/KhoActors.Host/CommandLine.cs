using System.CommandLine;
using System.CommandLine.Parsing;
using KhoActors.Host.Commands;
using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host;

/// <summary>Parses a command line, runs its command and turns every ending into an <see cref="ExitCode"/>.</summary>
internal static class CommandLine
{
    /// <summary>Runs one command line.</summary>
    /// <param name="arguments">The arguments after the program's name.</param>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>How it ended.</returns>
    public static ExitCode Run(string[] arguments, Terminal terminal)
    {
        try
        {
            ParseResult parsed = CreateRoot(terminal).Parse(arguments);
            if (Complaint(parsed) is { } complaint)
            {
                terminal.Complain($"{OnOneLine(complaint)}; see {HelpOf(parsed.CommandResult)}");
                return ExitCode.Usage;
            }

            return (ExitCode)parsed.Invoke(new InvocationConfiguration
            {
                Output = terminal.Out,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
            });
        }
        catch (UsageException refusal)
        {
            terminal.Complain(refusal.Message);
            return ExitCode.Usage;
        }
        catch (EngineException refusal)
        {
            terminal.Complain(OnOneLine(refusal.Message));
            return ExitCode.Usage;
        }
        catch (ScenarioException refusal)
        {
            foreach (ScenarioProblem problem in refusal.Problems)
            {
                terminal.Complain(problem.ToString());
            }

            return ExitCode.Usage;
        }
        catch (Exception failure) when (StorageFailure.Of(failure) is not null)
        {
            StorageFailure meaning = StorageFailure.Of(failure)!;
            terminal.Complain(OnOneLine(meaning.Sentence));
            return meaning.ExitCode;
        }
        catch (OperationCanceledException) when (terminal.Interrupted.IsCancellationRequested)
        {
            terminal.Complain("interrupted");
            return ExitCode.Interrupted;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            terminal.Complain(failure.Message);
            return ExitCode.StoreFailure;
        }
#pragma warning disable CA1031 // The last resort: a defect has its own exit code, whatever its type.
        catch (Exception defect)
#pragma warning restore CA1031
        {
            terminal.Complain($"simulator defect; please report it with the command line and this trace: {defect}");
            return ExitCode.Defect;
        }
    }

    private static RootCommand CreateRoot(Terminal terminal)
    {
        RootCommand root = new("A deterministic laboratory for Linux Kexec HandOver: simulated machines hand memory from kernel to kernel.")
        {
            RunCommand.Create(terminal),
            NodeCommand.Create(terminal),
            RunsCommand.Create(terminal),
            ReplayCommand.Create(terminal),
            ExportCommand.Create(terminal),
            BootCommand.Create(terminal),
            ConformanceCommand.Create(terminal),
            InspectCommand.Create(terminal),
            CatalogCommands.CreateScenarios(terminal),
            CatalogCommands.CreateKernels(terminal),
            ClientsCommand.Create(terminal),
            InvariantsCommand.Create(terminal),
            ValidateCommand.Create(terminal),
            DoctorCommand.Create(terminal),
            BenchCommand.Create(terminal),
            TestCommand.Create(),
        };
        return root;
    }

    private static bool AsksForHelp(ParseResult parsed) => parsed.Action is System.CommandLine.Help.HelpAction;

    // What is wrong, in one line, or null. A mistyped command leaves an unknown word and no command: the word is what matters.
    private static string? Complaint(ParseResult parsed)
    {
        if (AsksForHelp(parsed))
        {
            return null;
        }

        if (UnknownWord(parsed) is { } word)
        {
            return $"unknown command or option '{word}'";
        }

        if (Misplaced(parsed) is { } option)
        {
            return $"{option} does not go before '{parsed.CommandResult.Command.Name}'";
        }

        return parsed.Errors.Count == 0 ? null : parsed.Errors[0].Message.TrimEnd('.');
    }

    // An option before a subcommand would be the parent's, and have no effect, unless it is meant for both.
    private static string? Misplaced(ParseResult parsed) => parsed.CommandResult.Parent is CommandResult parent
        ? parent.Children.OfType<OptionResult>().FirstOrDefault(static given => !given.Implicit && !given.Option.Recursive)?.Option.Name
        : null;

    // Complaints quote what the user typed, which may hold line breaks.
    private static string OnOneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    // The parser takes an unknown option for an argument where one is still free; only what follows `--` may look like an option.
    private static string? UnknownWord(ParseResult parsed)
    {
        if (!parsed.CommandResult.Command.TreatUnmatchedTokensAsErrors)
        {
            return null;
        }

        return parsed.UnmatchedTokens.Count > 0 ? parsed.UnmatchedTokens[0]
            : parsed.Tokens.Any(static token => token.Type == TokenType.DoubleDash) ? null
            : parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(static argument => argument.Tokens)
                .FirstOrDefault(static token => token.Value.StartsWith("--", StringComparison.Ordinal))?.Value;
    }

    private static string HelpOf(CommandResult command)
    {
        string path = string.Empty;
        for (CommandResult? each = command; each?.Parent is not null; each = each.Parent as CommandResult)
        {
            path = $"{each.Command.Name} {path}";
        }

        return $"kho {path}--help";
    }
}
