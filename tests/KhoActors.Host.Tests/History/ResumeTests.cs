using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Host.Tests.History;

/// <summary><c>kho run --resume</c>: a run that was cut short goes on to the digest of one that was not.</summary>
public sealed class ResumeTests : IDisposable
{
    private static readonly string[] OneMachine = ["run", "smoke", "--machines", "1", "--kexecs", "14", "--seed", "7"];
    private readonly TestHistory _history = new();

    public void Dispose() => _history.Dispose();

    [Theory]
    [InlineData("generation 0: ")]
    [InlineData("generation 3: ")]
    [InlineData("generation 4: ")]
    [InlineData("generation 9: ")]
    public void A_run_that_was_interrupted_ends_with_the_digest_of_an_undisturbed_one(string moment)
    {
        string digest = Digest(ProgramRun.Of([.. OneMachine, "--json", "--store", "none"]));

        ProgramRun interrupted = ProgramRun.InterruptedAt(moment, [.. OneMachine, "--store", _history.Address]);
        Assert.Equal(ExitCode.Interrupted, interrupted.ExitCode);
        Assert.EndsWith(
            $"kho: interrupted; run 1 is saved. Continue it with: ./kho run --resume 1 --store '{_history.Address}'\n",
            interrupted.Error,
            StringComparison.Ordinal);
        Assert.DoesNotContain("digest", interrupted.Out, StringComparison.Ordinal);
        Assert.Equal("interrupted", _history.Of("runs", "show", "1", "--json").Json.GetProperty("state").GetString());
        Assert.Equal(ExitCode.Held, _history.Of("runs", "verify").ExitCode);

        ProgramRun resumed = _history.Of("run", "--resume", "1", "--json", "--workers", "1");
        Assert.Equal((ExitCode.Held, digest), (resumed.ExitCode, Digest(resumed)));
        Assert.StartsWith($"scenario smoke, seed 7, continuing run 1 in {_history.Address} after ", resumed.Error, StringComparison.Ordinal);
        Assert.Equal(14, resumed.Json.GetProperty("kexecs").GetInt64() + resumed.Json.GetProperty("cold_boots").GetInt64() - 1);
        Assert.Equal("finished", _history.Of("runs", "show", "1", "--json").Json.GetProperty("state").GetString());
        Assert.Equal(ExitCode.Held, _history.Of("replay", "1", "--verify").ExitCode);
    }

    [Fact]
    public void A_run_may_be_interrupted_again_and_again()
    {
        string digest = Digest(ProgramRun.Of([.. OneMachine, "--json", "--store", "none"]));
        ProgramRun.InterruptedAt("generation 4: ", [.. OneMachine, "--store", _history.Address]);
        ProgramRun again = ProgramRun.InterruptedAt("generation 9: ", ["run", "--resume", "last", "--store", _history.Address]);
        Assert.Equal(ExitCode.Interrupted, again.ExitCode);
        Assert.DoesNotContain("generation 3: ", again.Out, StringComparison.Ordinal);

        Assert.Equal(digest, Digest(_history.Of("run", "--resume", "last", "--json")));
    }

    [Fact]
    public void A_run_that_was_interrupted_before_its_first_generation_is_kept()
    {
        ProgramRun interrupted = _history.Of(new CancellationToken(canceled: true), "run", "tiny", "--json");

        Assert.Equal(ExitCode.Interrupted, interrupted.ExitCode);
        Assert.Equal(0, interrupted.Json.GetProperty("kexecs").GetInt64());
        ProgramRun replay = _history.Of("replay", "1", "--verify");
        Assert.Equal(ExitCode.Inconclusive, replay.ExitCode);
        Assert.Equal($"nothing-recorded: run 1 in {_history.Address} has no record of machine 0\n", replay.Out);
        Assert.Equal($"kho: run 1 in {_history.Address}: nothing is recorded of machine 0", _history.Of("inspect", "1").ErrorLine);
        Assert.Equal(
            Digest(ProgramRun.Of("run", "tiny", "--json", "--store", "none")), Digest(_history.Of("run", "--resume", "1", "--json")));
    }

    [Fact]
    public void What_is_recorded_of_an_interrupted_run_replays()
    {
        ProgramRun.InterruptedAt("generation 9: ", [.. OneMachine, "--store", _history.Address]);

        ProgramRun replay = _history.Of("replay", "1", "--verify");
        Assert.Equal(ExitCode.Held, replay.ExitCode);
        Assert.StartsWith("equal: 8 generations ", replay.Out, StringComparison.Ordinal);
        Assert.EndsWith(
            "generation 8 of machine 0 is not recorded, only 0 to 7", _history.Of("inspect", "1", "--at", "8").ErrorLine, StringComparison.Ordinal);
        Assert.Equal(7, _history.Of("inspect", "1", "--json").Json.GetProperty("generation").GetInt32());
    }

    [Fact]
    public void What_a_run_adds_to_its_history_are_its_records_not_its_checkpoints()
    {
        ProgramRun interrupted = ProgramRun.InterruptedAt("generation 9: ", [.. OneMachine, "--store", _history.Address]);
        using IHistoryStore store = _history.Open(HistoryAccess.Read);

        Assert.NotNull(store.ReadCheckpoint(1, 0));
        long bytes = store.ReadSlices(1).Sum(static slice => slice.Encoded.Length);
        Assert.Matches($"history +run 1 in .*, {bytes.ToString("N0", null)} bytes added", interrupted.Out);
    }

    [Fact]
    public void A_run_that_is_finished_says_so_and_ends_by_its_result()
    {
        ProgramRun run = _history.Of("run", "tiny", "--json");

        ProgramRun again = _history.Of("run", "--resume", "1", "--json");

        Assert.Equal(ExitCode.Held, again.ExitCode);
        Assert.Equal($"kho: run 1 in {_history.Address} is finished: there is nothing to continue", again.ErrorLine);
        Assert.Equal(ProgramRun.Fields(run.Json), ProgramRun.Fields(again.Json));
        Assert.Equal(Digest(run), Digest(again));
        Assert.Contains($"digest  {Digest(run)}", _history.Of("run", "--resume", "1").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_of_another_model_is_refused()
    {
        _history.Enter(static facts => facts with { ModelVersion = 1 });

        ProgramRun run = _history.Of("run", "--resume", "1");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Equal(
            $"kho: run 1 in {_history.Address} was made with model version 1, this program has {Machine.ModelVersion}: it cannot be continued; "
            + $"see what has changed with: ./kho replay 1 --store '{_history.Address}' --verify",
            run.ErrorLine);
        Assert.Equal("running", _history.Of("runs", "show", "1", "--json").Json.GetProperty("state").GetString());
    }

    [Fact]
    public void A_run_that_met_a_defect_has_ended()
    {
        _history.Enter(state: RunState.Defect);

        ProgramRun run = _history.Of("run", "--resume", "1");

        Assert.Equal(ExitCode.Defect, run.ExitCode);
        Assert.Equal($"kho: run 1 in {_history.Address} met a defect of the simulator and has ended: there is nothing to continue", run.ErrorLine);
    }

    [Theory]
    [InlineData("'tiny' does not go with it", "tiny")]
    [InlineData("--machines does not go with it", "--machines", "2")]
    [InlineData("--kexecs does not go with it", "--kexecs", "2")]
    [InlineData("--seed does not go with it", "--seed", "7")]
    [InlineData("--set does not go with it", "--set", "machines=2")]
    [InlineData("--record-order does not go with it", "--record-order")]
    public void What_the_run_is_cannot_be_said_again(string expected, params string[] arguments)
    {
        _history.Enter();

        ProgramRun run = _history.Of(["run", "--resume", "1", .. arguments]);

        Assert.Equal((ExitCode.Usage, string.Empty), (run.ExitCode, run.Out));
        Assert.EndsWith(expected, run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_history_there_is_nothing_to_resume() => Assert.Equal(
        "kho: --store none: a history is needed here", ProgramRun.Of("run", "--resume", "1", "--store", "none").ErrorLine);

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("-1")]
    [InlineData("1;DROP TABLE runs")]
    [InlineData("machine.khist")]
    public void A_run_has_a_number(string name)
    {
        _history.Enter();

        ProgramRun run = _history.Of("run", "--resume", name);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Equal($"kho: run '{name}': a run's number, or 'last' is accepted", run.ErrorLine);
    }

    [Fact]
    public void Clients_of_ones_own_are_needed_again_and_must_be_the_same()
    {
        string assembly = typeof(ResumeTests).Assembly.Location;
        string sha = ClientAssemblies.FactsOf([assembly])[0].Sha256;
        _history.Enter(static facts => facts with { ClientAssemblies = [new ClientAssemblyFact("bin/Counter.dll", new string('b', 64))] });
        _history.Enter();

        foreach (string[] command in (string[][])[["run", "--resume", "1"], ["replay", "1"], ["inspect", "1"], ["export", "1", "--format", "csv"]])
        {
            Assert.Equal(
                $"kho: run 1 in {_history.Address} was made with clients of bin/Counter.dll, SHA-256 bbbbbbbbbbbbbbbb...: "
                + "--clients FILE.dll must name that assembly",
                Refused(command));
            Assert.Equal(
                $"kho: --clients {assembly} has SHA-256 {sha[..16]}..., but run 1 in {_history.Address} was made with clients of bin/Counter.dll, "
                + "SHA-256 bbbbbbbbbbbbbbbb...: the same file is needed",
                Refused([.. command, "--clients", assembly]));
        }

        Assert.Equal(
            $"kho: --clients {assembly}: run 2 in {_history.Address} was made without clients from outside",
            Refused(["run", "--resume", "2", "--clients", assembly]));

        string Refused(string[] arguments)
        {
            ProgramRun run = _history.Of(arguments);
            Assert.Equal((ExitCode.Usage, string.Empty), (run.ExitCode, run.Out));
            return run.ErrorLine;
        }
    }

    private static string Digest(ProgramRun run) => run.Json.GetProperty("digest").GetString()!;
}
