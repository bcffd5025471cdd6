using System.Text;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Nodes.Tests.Scenarios;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Tests.UserSpace;

/// <summary>Scenarios with the note client, and shorthand for running them.</summary>
internal static class NoteBench
{
    /// <summary>A machine whose user space does nothing by itself; tests append the script from line 7 on.</summary>
    public const string Quiet = """
        name: noted
        summary: A machine with a note
        kernels: [7.3-rc7]
        kexecs: 2
        clients: [note]
        workload: { operations_per_kexec: 0, operations_after_load: 0 }

        """;

    public static ClientCatalog Clients { get; } = ClientCatalog.BuiltIn.With(
    [
        NoteClient.Make(),
        NoteClient.Make("board-a", 21),
        NoteClient.Make("board-b", 21),
        NoteClient.Make("mute", 22) with { UserProgram = null },
        NoteClient.Make("stuck", 23) with { UserProgram = null, Hooks = ClientHooks.Freeze, Create = static _ => new NeverFrozen() },
    ]);

    public static ResolvedScenario Resolve(string yaml, params string[] settings) =>
        ScenarioFile.Resolve(Encoding.UTF8.GetBytes(yaml), "test.yaml", settings, new KernelCatalog(Fixtures.ShippedKernelFolder), Clients);

    public static string Refusal(string yaml) => Assert.Throws<ScenarioException>(() => Resolve(yaml)).Message;

    public static MachineRun Run(string yaml, params string[] settings) => MachineBench.Run(new FleetPlan(Resolve(yaml, settings), 7).SpecOf(0));

    /// <summary>What a generation's story says of requests to the note, with their answers.</summary>
    public static IReadOnlyList<string> Notes(this GenerationReport report) =>
        [.. report.Story.Where(static line => line.StartsWith("note: ", StringComparison.Ordinal)).Select(static line => line["note: ".Length..])];

    /// <summary>Answers everything but a freeze.</summary>
    private sealed class NeverFrozen : IActor
    {
        public void Receive(in Delivery delivery, Outbox outbox)
        {
            if (ClientProtocol.NumberOf(delivery.Message.Kind) != ClientProtocol.Freeze)
            {
                outbox.Reply(delivery, default(KernelResult).ToReply(delivery.Message.Kind));
            }
        }
    }
}
