using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Tests.Invariants;

/// <summary>A machine whose clients do what a script says, and nothing else runs: what the judges find is what was planted.</summary>
internal static class ClientMachine
{
    private const string CommandLine = "kho=on kho_scratch=32M,64M,32M test_kho.max_mem=65536 pstore.compress=none";

    /// <summary>The invariants that a run breaks, each once, in order of first occurrence.</summary>
    /// <param name="planted">The client with a bug, or null for none.</param>
    /// <param name="script">Steps of the first boot, of the next and so on; the last ones also of all that follow.</param>
    public static IReadOnlyList<string> Found(KhoClient? planted, params string[][] script) => Found(planted, CommandLine, script);

    public static IReadOnlyList<string> FoundWith(KhoClient? planted, string option, params string[][] script) =>
        Found(planted, $"{CommandLine} {option}", script);

    private static IReadOnlyList<string> Found(KhoClient? planted, string commandLine, string[][] script)
    {
        Scenario scenario = MachineBench.Small("7.3-rc7-lab") with
        {
            Kexecs = 3,
            CommandLines = [commandLine],
            Workload = new Workload { OperationsPerKexec = 0, OperationsAfterLoad = 0 },
            Script =
            [
                .. script.Select((steps, i) => new ScriptEntry { Generations = [i < script.Length - 1 ? $"{i}" : $"{i}-9"], Steps = steps }),
            ],
        };
        ClientCatalog catalog = planted is null ? ClientCatalog.BuiltIn : ClientCatalog.BuiltIn.Replacing(planted);
        MachineRun run = MachineBench.Run(scenario.Resolve(catalog).SpecOf(seed: 7));
        return [.. run.Reports.SelectMany(report => report.Violations).Select(violation => violation.Invariant).Distinct()];
    }
}
