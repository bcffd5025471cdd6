using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;

namespace KhoActors.Nodes.Tests.History;

/// <summary>A machine is executed again from its records alone; the workload generator throws when it is asked.</summary>
public class ReplayTests
{
    public static TheoryData<string, string[], int[]> Scenarios { get; } = new()
    {
        { "tiny", [], [0] },
        { "smoke", ["machines=20", "kexecs=6"], [0, 7, 19] },
        { "fleet", ["machines=20", "kexecs=5"], [0, 1, 2, 3, 4, 5] },
        { "tmpfs-chain", ["kexecs=6"], [0] },
        { "client-drift", [], [0] },
        { "pstore-deflate", [], [0] },
        { "upstream-selftest", [], [0] },
        { "log-buf-shift-drift", [], [0] },
    };

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void A_machine_is_replayed_without_chance_and_equal_in_everything(string scenario, string[] settings, int[] machines)
    {
        foreach (int number in machines)
        {
            RecordedRun run = RecordedRun.Of(RecordedRun.Load(scenario, settings), seed: 7, number);
            using Machine machine = RecordedRun.MachineWithoutChance();
            List<GenerationReport> reports = [];

            ReplayDifference? difference = MachineReplay.Run(
                machine, run.Plan, run.Slices(), new MachineReplayOptions { GenerationDone = reports.Add });

            Assert.Null(difference);
            Assert.Equal(run.Records.Count, reports.Count);
            Assert.Equal(run.Records[^1].Digest.ToArray(), machine.Digest.ToArray());
        }
    }
}
