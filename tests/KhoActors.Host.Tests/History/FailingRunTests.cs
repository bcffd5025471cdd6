using System.Text.Json;

namespace KhoActors.Host.Tests.History;

/// <summary>A run in which an invariant does not hold: what is said, and how it is found again.</summary>
public sealed class FailingRunTests : IDisposable
{
    private const string Detail = "client-check: script step 'find-log no such line = 0': ";
    private const string Scenario =
        """
        name: failing
        summary: The script expects a line that nobody writes
        kernels: [7.3-rc7-lab]
        kexecs: 9
        machines: 3
        hardware: [{ memory: 512 MiB }]
        command_line: kho=on kho_scratch=32M,64M,32M test_kho.max_mem=65536 pstore.compress=none
        script:
          - generations: 2
            steps: find-log no such line = 0

        """;

    private readonly TestHistory _history = new();

    public void Dispose() => _history.Dispose();

    [Fact]
    public void The_violating_machine_is_replayed_and_the_run_reproduced_by_lines_that_can_be_copied()
    {
        ProgramRun run = _history.Of("run", ScenarioFile());

        Assert.Equal(ExitCode.Violated, run.ExitCode);
        string[] lines = run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith($"violation: machine 0, generation 2: {Detail}", lines[1], StringComparison.Ordinal);
        Assert.StartsWith($"violation: machine 2, generation 2: {Detail}", lines[3], StringComparison.Ordinal);
        Assert.Equal($"replay: ./kho replay 1 --machine 0 --to 2 --store '{_history.Address}'", lines[4]);
        Assert.Equal($"reproduce: ./kho run '{ScenarioFile()}' --seed 1", lines[5]);
        Assert.Equal(6, lines.Length);
    }

    [Fact]
    public void A_replay_that_finds_the_same_violations_is_equal()
    {
        _history.Of("run", ScenarioFile());
        File.Delete(ScenarioFile());

        ProgramRun story = _history.Of("replay", "1", "--machine", "0", "--to", "2");
        Assert.Equal(ExitCode.Held, story.ExitCode);
        Assert.Contains("no such line", story.Out, StringComparison.Ordinal);
        Assert.StartsWith($"violation: machine 0, generation 2: {Detail}", story.Error.Split('\n')[1], StringComparison.Ordinal);
        JsonElement whole = _history.Of("replay", "1", "--json").Json;
        Assert.Equal(("equal", 3), (whole.GetProperty("verdict").GetString(), whole.GetProperty("violations").GetInt32()));
    }

    [Fact]
    public void The_history_tells_of_the_violations()
    {
        _history.Of("run", ScenarioFile());
        _history.Of("run", "tiny");

        Assert.Equal("1", Assert.Single(_history.Of("runs", "--violations", "--json").Json.EnumerateArray()).GetProperty("run").GetString());
        JsonElement page = _history.Of("runs", "show", "1", "--json").Json;
        JsonElement first = page.GetProperty("violation_list")[0];
        Assert.Equal(["machine", "generation", "invariant", "detail", "replay"], ProgramRun.Fields(first));
        Assert.Equal("client-check", first.GetProperty("invariant").GetString());
        Assert.Equal($"./kho replay 1 --machine 0 --to 2 --store '{_history.Address}'", first.GetProperty("replay").GetString());
        Assert.Equal(first.GetProperty("replay").GetString(), page.GetProperty("replay").GetString());
        Assert.Contains($"\nviolation: machine 1, generation 2: {Detail}", _history.Of("runs", "show", "1").Out, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Violated, _history.Of("run", "--resume", "1").ExitCode);
    }

    [Fact]
    public void An_interruption_goes_before_violations_which_the_continued_run_still_has()
    {
        ProgramRun interrupted = ProgramRun.InterruptedAt("generation 6: ", "run", ScenarioFile(), "--machines", "1", "--store", _history.Address);

        Assert.Equal(ExitCode.Interrupted, interrupted.ExitCode);
        Assert.Contains("\nviolation: machine 0, generation 2: ", interrupted.Error, StringComparison.Ordinal);
        Assert.Contains("\nreplay: ", interrupted.Error, StringComparison.Ordinal);
        ProgramRun resumed = _history.Of("run", "--resume", "last");
        Assert.Equal(ExitCode.Violated, resumed.ExitCode);
        Assert.Contains($"\nviolation: machine 0, generation 2: {Detail}", resumed.Error, StringComparison.Ordinal);
    }

    private string ScenarioFile() => File.Exists(_history["failing.yaml"]) ? _history["failing.yaml"] : _history.Write("failing.yaml", Scenario);
}
