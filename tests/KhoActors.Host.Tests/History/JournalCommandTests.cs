using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Tests.History;

/// <summary>Histories that the Akka engine wrote, in a program that may have been built without it.</summary>
public sealed class JournalCommandTests(PostgresServer server) : IClassFixture<PostgresServer>
{
    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void Every_command_reads_them(bool inPostgres)
    {
        using TemporaryFolder folder = new();
        using JournalTables tables = JournalTables.Create(inPostgres ? server : null);
        string digest = Record(tables);

        Assert.Contains(digest[..12], Held("runs").Out, StringComparison.Ordinal);
        Assert.Contains($"digest  {digest}", Held("runs", "show", "last").Out, StringComparison.Ordinal);
        Assert.Contains("everything that is kept is sound", Held("runs", "verify").Out, StringComparison.Ordinal);
        Assert.Contains("equal: 12 generations (9 kexecs)", Held("replay", "1", "--verify").Out, StringComparison.Ordinal);
        Held("inspect", "1", "--machine", "1", "--at", "2", "debugfs");
        Held("export", "1", "--format", "csv", "-o", folder["rows.csv"]);
        Held("export", "1", "-o", folder["run.khist"]);
        Assert.Equal(ExitCode.Held, ProgramRun.Of("replay", folder["run.khist"], "--verify").ExitCode);

        ProgramRun Held(params string[] arguments)
        {
            ProgramRun run = Of(tables, arguments);
            Assert.True(run.ExitCode == ExitCode.Held, run.Error);
            return run;
        }
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void Nothing_is_recorded_or_deleted_there(bool inPostgres)
    {
        using JournalTables tables = JournalTables.Create(inPostgres ? server : null);
        Record(tables);

        foreach (string[] arguments in (string[][])[["run", "tiny"], ["runs", "delete", "1"]])
        {
            ProgramRun run = Of(tables, arguments);
            Assert.Equal(ExitCode.StoreFailure, run.ExitCode);
            Assert.Contains("this history is written by the Akka engine alone", run.Error, StringComparison.Ordinal);
        }

        Assert.Contains("everything that is kept is sound", Of(tables, "runs", "verify").Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("runs")]
    [InlineData("run", "tiny")]
    [InlineData("replay", "1")]
    public void A_password_is_not_repeated_whatever_is_wrong(params string[] arguments)
    {
        string[] addresses = ["postgres://me:sec@ret@host/kho", "postgers://me:sec%ret@host/kho", "postgres://me:secret@127.0.0.1:1/kho"];
        foreach (string address in addresses)
        {
            ProgramRun run = ProgramRun.Of([.. arguments, "--store", address]);
            Assert.Contains("postgres", run.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("sec", run.Out + run.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("ret", run.Out + run.Error, StringComparison.Ordinal);
        }
    }

    private static ProgramRun Of(JournalTables tables, params string[] arguments)
    {
        ProgramRun run = ProgramRun.Of([.. arguments, "--store", tables.Address]);
        Assert.DoesNotContain("r%40t", run.Out + run.Error, StringComparison.Ordinal);
        return run;
    }

    /// <summary>Runs three machines, and leaves in the journal what the Akka engine would have left.</summary>
    /// <returns>The fleet's digest.</returns>
    private static string Record(JournalTables tables)
    {
        ResolvedScenario resolved = SourceTree.Scenarios().Load("smoke", ["machines=3", "kexecs=3"]);
        FleetPlan plan = new(resolved, seed: 7);
        Gatherer gatherer = new(new SliceCodec(resolved));
        FleetResult result = FleetRunner.Run(plan, new FleetOptions { Workers = 1, Recorder = gatherer });
        RunFacts facts = TestHistory.Tiny with
        {
            Scenario = "smoke",
            ResolvedScenario = resolved.ToCanonicalText(),
            Engine = "akka",
            SliceGenerations = plan.SliceGenerations,
            Machines = 3,
            Kexecs = 3,
        };
        tables.Append(JournalNames.Runs, new RunAnnounced(1, 1));
        tables.Append(JournalNames.Run(1), new RunBegun(1, facts, IsConcurrent: false));
        tables.Append(1, gatherer.Slices);
        tables.Append(JournalNames.Run(1), new FleetAdvanced(1, [], result));
        tables.Append(JournalNames.Run(1), new RunOver(1, RunState.Finished, result.Digest, DateTimeOffset.UnixEpoch));
        return result.Digest;
    }

    private sealed class Gatherer(SliceCodec codec) : IRunRecorder
    {
        public List<EncodedSlice> Slices { get; } = [];

        public bool WantsCheckpoints => false;

        public void Add(SliceRecord record, MachineCheckpoint? checkpoint, bool isFinished) => Slices.Add(new EncodedSlice(record, codec.Encode(record)));

        public void Add(MachineCheckpoint checkpoint)
        {
        }

        public void CheckpointsDone()
        {
        }
    }
}
