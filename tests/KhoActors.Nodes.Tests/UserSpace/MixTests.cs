using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;

namespace KhoActors.Nodes.Tests.UserSpace;

/// <summary>Operations of clients' programs in a scenario's mix.</summary>
public class MixTests
{
    private const string Mixed = """
        name: mixed
        summary: A machine that notes and preserves
        kernels: [7.3-rc7]
        machines: 6
        kexecs: 4
        clients: [note, board-a]
        workload:
          operations_per_kexec: 40
          mix: { preserve_folio: 1, free: 1, log: 1, clear_log: 1, oops: 1, jump_and_return: 1, note_put: 2, note_get: 2, board_a_put: 1 }

        """;

    [Fact]
    public void Every_operation_of_the_mix_is_done_and_no_other()
    {
        MachineRun run = NoteBench.Run(Mixed);

        string[] story = [.. run.Reports.SelectMany(static report => report.Story)];
        string[] expected =
        [
            "note: put ", "note: get", "board-a: put ", "preserve the folio", "free ", "write to the log: ", "clear the log", "oops in a process",
            "kexec: jump and return",
        ];
        Assert.All(expected, start => Assert.Contains(story, line => line.StartsWith(start, StringComparison.Ordinal)));
        Assert.DoesNotContain(story, static line => line.StartsWith("board-a: get", StringComparison.Ordinal));
        Assert.Empty(run.Violations);
    }

    [Fact]
    public void What_a_program_reports_is_a_violation_of_its_client()
    {
        MachineRun run = NoteBench.Run(
            Mixed, "workload.mix={ note_complain: 1 }", "workload.operations_per_kexec=1", "workload.operations_after_load=0", "kexecs=1");

        Assert.Equal(["0 client-check: note: as planned"], run.Violations);
    }

    [Fact]
    public void A_program_starts_by_itself_unless_the_script_has_its_client_to_itself()
    {
        const string script = "script: [{ steps: note get }]";

        Assert.Equal(["put 1: done", "get: 1"], NoteBench.Run(Mixed + script).Reports[^1].Notes());
        Assert.Equal(["get: done"], NoteBench.Run(Mixed + script, "workload.mix={ free: 1 }").Reports[^1].Notes());
        Assert.Equal(["put 1: done"], NoteBench.Run(Mixed, "workload.mix={ free: 1 }").Reports[^1].Notes());
    }

    [Fact]
    public void A_kernel_that_can_do_nothing_of_the_mix_does_nothing()
    {
        MachineRun run = NoteBench.Run(Mixed, "workload.mix={ note_put: 0, board_a_get: 0, free: 1 }", "workload.operations_per_kexec=5");

        Assert.All(run.Reports.SkipLast(1), static report => Assert.Equal(13, report.Operations));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(8, 2)]
    [InlineData(2, 100)]
    public void Neither_workers_nor_slices_change_anything(int workers, int sliceGenerations)
    {
        FleetResult reference = Run(workers: 1, sliceGenerations: 4);

        FleetResult result = Run(workers, sliceGenerations);

        Assert.Equal(reference.Digest, result.Digest);
        Assert.Equal((0, 0), (result.ViolationCount, result.Defects.Count));
    }

    [Fact]
    public void One_clients_draws_shift_no_others()
    {
        // Another client with a program that draws: what the note is asked stays what it was, draw by draw.
        string[] one = NotePuts("workload.mix={ note_put: 1 }", "clients=[note]");
        string[] two = NotePuts("workload.mix={ note_put: 1 }", "clients=[board-a, note]");

        Assert.Equal(one, two);
    }

    [Fact]
    public void Emergency_restarts_happen_as_often_as_the_scenario_says()
    {
        FleetResult result = FleetRunner.Run(
            new FleetPlan(NoteBench.Resolve(Mixed, "kexec.emergency_restart=50 %", "machines=20"), 7), new FleetOptions { Workers = 1 });

        Assert.InRange(result.Outcomes.Single(static outcome => outcome.Key == "emergency-restart").Value, 25, 55);
    }

    private static string[] NotePuts(params string[] settings)
    {
        IEnumerable<string> notes = NoteBench.Run(Mixed, settings).Reports.SelectMany(static report => report.Notes());
        return [.. notes.Where(static line => line.StartsWith("put", StringComparison.Ordinal))];
    }

    private static FleetResult Run(int workers, int sliceGenerations) => FleetRunner.Run(
        new FleetPlan(NoteBench.Resolve(Mixed), 7), new FleetOptions { Workers = workers, SliceGenerations = sliceGenerations });
}
