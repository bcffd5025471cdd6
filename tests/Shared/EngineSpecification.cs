using System.Text;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Tests.Shared;

/// <summary>
/// What every engine promises, whoever carries the machines and in how many places. Linked as source into the tests of each; uses public
/// API only. A subject says how its engine is made, and where it keeps what a test wants kept.
/// </summary>
public abstract class EngineSpecification
{
    private const ulong Seed = 7;

    /// <summary>What the scenarios in text below have in common.</summary>
    private const string SmallFleet = """
        name: small
        summary: A fleet for engines
        kernel_chains:
          - kernels: [7.3-rc7]
          - kernels: [7.2.13, 7.3-rc7]
        machines: 10
        kexecs: 5
        hardware:
          - memory: 512 MiB
        command_line: kho=on kho_scratch=32M,64M,32M reserve_mem=2M:4096:trace
        workload:
          operations_per_kexec: 12
          operations_after_load: 2

        """;

    /// <summary>Numbers of workers that are tried.</summary>
    protected virtual IReadOnlyList<int> WorkerCounts => [1, 2, 5];

    /// <summary>A new engine.</summary>
    protected abstract IEngine Create();

    /// <summary>Fits a request to the subject, for example names its port.</summary>
    /// <param name="request">What a test wants.</param>
    /// <returns>What the engine gets.</returns>
    protected virtual EngineRequest Prepare(EngineRequest request) => request;

    [Theory]
    [InlineData("tiny", new string[0], "b1ddccd5198bfef483aebfb8da2233ef956137cfb4606b9a5389f431313e7677")]
    [InlineData("fleet", new[] { "machines=20", "kexecs=5" }, "c453855d0dd4bb4aad3c4a62dd6c39e190941c71bdb63b877aafcc389da6ff26")]
    [InlineData("smoke", new[] { "machines=10", "kexecs=5" }, null)]
    public void Seed_7_has_its_result_on_any_number_of_workers(string scenario, string[] settings, string? pinned)
    {
        FleetPlan plan = new(Shipped(scenario, settings), Seed);
        FleetResult expected = FleetRunner.Run(plan, new FleetOptions { Workers = 1 });
        foreach (int workers in WorkerCounts)
        {
            FleetResult result = Run(new EngineRequest { Plan = plan, Options = new FleetOptions { Workers = workers } });

            AssertSame(expected, result);
            Assert.Equal(pinned ?? result.Digest, result.Digest);
        }
    }

    [Fact]
    public void Callbacks_and_recorder_get_everything_once_and_the_records_replay()
    {
        FleetPlan plan = new(Small(), Seed);
        Gathered gathered = new(plan, sliceGenerations: 2);
        List<(int Machine, int Generation)> reported = [];

        FleetResult result = Run(new EngineRequest
        {
            Plan = plan,
            Options = new FleetOptions
            {
                Workers = 2,
                SliceGenerations = 2,
                Recorder = gathered,
                GenerationDone = (machine, report) =>
                {
                    lock (reported)
                    {
                        reported.Add((machine, report.Generation));
                    }
                },
            },
        });

        int generations = plan.Scenario.Kexecs + 1;
        Assert.Equal(Pairs(plan.Scenario.Machines, generations), reported.Order());
        Assert.Equal(plan.Scenario.Machines, result.AlivePeak);
        gathered.AssertReplays(result);
        AssertSame(FleetRunner.Run(plan, new FleetOptions { Workers = 1 }), result);
    }

    [Fact]
    public void A_run_that_is_stopped_says_so_and_comes_to_its_end_when_it_is_continued()
    {
        FleetPlan plan = new(Small(), Seed);
        FleetResult expected = FleetRunner.Run(plan, new FleetOptions { Workers = 1 });
        foreach (int stopAfter in (int[])[0, 7, 31])
        {
            using TemporaryHistory history = new(plan);

            FleetResult stopped = history.Continue(this, stopAfter);
            FleetResult result = history.Continue(this, int.MaxValue);

            Assert.Equal((true, ""), (stopped.Interrupted, stopped.Digest));
            Assert.InRange(stopped.Generations, 0, expected.Generations - 1);
            AssertSame(expected, result);
        }
    }

    [Fact]
    public void Violations_are_reported()
    {
        FleetPlan plan = new(Read(SmallFleet + "script:\n  - generations: [1, 4]\n    steps: [find-log nobody says this = 1]\n"), Seed);

        FleetResult result = Run(new EngineRequest { Plan = plan, Options = new FleetOptions { Workers = 2 } });

        Assert.Equal(20, result.ViolationCount);
        Assert.Equal(20, result.Violations.Count);
        AssertSame(FleetRunner.Run(plan, new FleetOptions { Workers = 1 }), result);
    }

    [Fact]
    public void A_defect_names_seed_and_delivery_and_stops_its_machine_only()
    {
        FleetPlan plan = new(Read(SmallFleet + "clients: [brittle]\n", BrittleClient.Catalog), Seed);

        FleetResult result = Run(new EngineRequest { Plan = plan, Options = new FleetOptions { Workers = 2 } });

        Assert.InRange(result.Defects.Count, 2, plan.Scenario.Machines - 1);
        const string where = @"^machine 0000000\d: simulator defect in seed 7 / fleet / machine \d at delivery \d+ \(from \d+ to 16, kind 0x\w+\): ";
        Assert.All(result.Defects, defect => Assert.Matches(where + "InvalidOperationException: planted$", defect));
        Assert.Equal(plan.Scenario.Machines - result.Defects.Count, EndsOfChains(result));
        AssertSame(FleetRunner.Run(plan, new FleetOptions { Workers = 1 }), result);
    }

    [Fact]
    public void Concurrent_order_is_recorded_and_replays_or_is_refused()
    {
        FleetPlan plan = new(Small(), Seed);
        Gathered gathered = new(plan, plan.SliceGenerations);
        EngineRequest request = new()
        {
            Plan = plan,
            Options = new FleetOptions { Workers = 2, Recorder = gathered },
            Order = DeliveryOrder.Concurrent,
        };
        if (!Create().Orders.Contains(DeliveryOrder.Concurrent))
        {
            Assert.Throws<EngineException>(() => Run(request));
            return;
        }

        FleetResult result = Run(request);

        Assert.Equal((0, 0L, false), (result.Defects.Count, result.ViolationCount, result.Interrupted));
        Assert.Equal(plan.Scenario.Machines, EndsOfChains(result));
        Assert.All(gathered.Generations, each => Assert.True(OrderLog.HasEveryPick(each.Order.Span)));
        gathered.AssertReplays(result);
    }

    [Fact]
    public void It_says_what_it_is()
    {
        IEngine engine = Create();

        Assert.Matches("^[a-z]+$", engine.Name);
        Assert.DoesNotContain('\n', engine.Summary);
        Assert.Contains(DeliveryOrder.Seeded, engine.Orders);
    }

    /// <summary>All of a result that must not depend on who ran it.</summary>
    protected static void AssertSame(FleetResult expected, FleetResult found) => Assert.Equal(Text(expected), Text(found));

    /// <summary>Runs a fleet on a new engine.</summary>
    protected FleetResult Run(EngineRequest request) => Create().Run(Prepare(request));

    private static string Text(FleetResult result) => $"""
        {result.Digest} {result.Machines} {result.Kexecs} {result.ColdBoots}
        {result.Messages} {result.Operations} {result.FailedRequests} {result.ViolationCount}
        {string.Join(',', result.Outcomes)}
        {string.Join(',', result.Transitions.Select(each => $"{each.From}>{each.To} {each.Count} {each.Restored} {each.Lost} {each.Violations}"))}
        {string.Join('\n', result.Violations)}
        {string.Join('\n', result.Defects)}
        {result.Interrupted} {result.FirstDifference} {result.DifferingMachines} {result.Failure}
        """;

    private static long EndsOfChains(FleetResult result) => result.Outcomes.Single(outcome => outcome.Key == "end-of-chain").Value;

    private static IEnumerable<(int Machine, int Generation)> Pairs(int machines, int generations) =>
        Enumerable.Range(0, machines).SelectMany(machine => Enumerable.Range(0, generations).Select(generation => (machine, generation)));

    private static ResolvedScenario Shipped(string scenario, string[] settings) =>
        new ScenarioCatalog(Path.Combine(Root(), "config", "scenarios"), Kernels()).Load(scenario, settings);

    private static ResolvedScenario Small() => Read(SmallFleet);

    private static ResolvedScenario Read(string yaml, ClientCatalog? clients = null) =>
        ScenarioFile.Resolve(Encoding.UTF8.GetBytes(yaml), "engines.yaml", [], Kernels(), clients);

    private static KernelCatalog Kernels() => new(Path.Combine(Root(), "config", "kernels"));

    private static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "KhoActors.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("The repository was not found above the test assembly.");
    }

    /// <summary>A client whose code fails in some generations, by the machine's own chance.</summary>
    private sealed class BrittleClient(ClientKernel kernel) : SequentialClient
    {
        public static ClientCatalog Catalog { get; } = ClientCatalog.BuiltIn.With([new KhoClient
        {
            Name = "brittle",
            Summary = "fails",
            Actor = new ActorId(16),
            Create = kernel => new BrittleClient(kernel),
        }]);

        protected override IEnumerator<KernelCall> Serve(ClientRequest request)
        {
            if (kernel.NextRandom() % 16 == 0)
            {
                throw new InvalidOperationException("planted");
            }

            request.Return(0);
            yield break;
        }
    }

    /// <summary>Takes records in and holds them to what every recorder may expect.</summary>
    private sealed class Gathered(FleetPlan plan, int sliceGenerations) : IRunRecorder
    {
        private readonly SortedDictionary<(int Machine, int First), SliceRecord> _slices = [];

        public bool WantsCheckpoints => false;

        public IEnumerable<GenerationRecord> Generations => _slices.Values.SelectMany(slice => slice.Generations);

        public void Add(SliceRecord record, MachineCheckpoint? checkpoint, bool isFinished)
        {
            lock (_slices)
            {
                Assert.True(_slices.TryAdd((record.Machine, record.FirstGeneration), record), "a slice was recorded twice");
                Assert.Equal(0, record.FirstGeneration % sliceGenerations);
                Assert.True(record.FirstGeneration == 0 || _slices.ContainsKey((record.Machine, record.FirstGeneration - sliceGenerations)));
                Assert.Equal(Math.Min(record.FirstGeneration + sliceGenerations, plan.Scenario.Kexecs + 1), record.EndGeneration);
                Assert.Equal(record.EndGeneration == plan.Scenario.Kexecs + 1, isFinished);
            }
        }

        public void Add(MachineCheckpoint checkpoint)
        {
        }

        public void CheckpointsDone()
        {
        }

        /// <summary>Every machine, from its records alone, is what it was; and all of them are the result.</summary>
        public void AssertReplays(FleetResult result)
        {
            FleetTally tally = new(plan);
            using Machine machine = new();
            foreach (IGrouping<int, SliceRecord> slices in _slices.Values.GroupBy(slice => slice.Machine))
            {
                Assert.Null(MachineReplay.Run(machine, plan, slices, new MachineReplayOptions()));
                Assert.Equal(plan.Scenario.Kexecs + 1, machine.NextGeneration);
                Assert.All(slices, slice => Assert.True(tally.Add(slice)));
            }

            AssertSame(tally.Conclude(plan.Scenario.Machines), result);
        }
    }

    /// <summary>A run in a history of its own, kept by the engine or for it.</summary>
    private sealed class TemporaryHistory(FleetPlan plan) : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kho-engine-");
        private int? _run;

        private string Address => $"sqlite:{Path.Combine(_folder.FullName, "history.db")}";

        public FleetResult Continue(EngineSpecification subject, int stopAfter)
        {
            int generations = 0;
            FleetOptions options = new()
            {
                Workers = 2,
                SliceGenerations = 2,
                StopRequested = () => Volatile.Read(ref generations) >= stopAfter,
                GenerationDone = (_, _) => Interlocked.Increment(ref generations),
            };
            return subject.Create().KeepsHistory ? RunKept(subject, options) : RunRecorded(subject, options);
        }

        public void Dispose() => _folder.Delete(recursive: true);

        private FleetResult RunKept(EngineSpecification subject, FleetOptions options) => subject.Run(new EngineRequest
        {
            Plan = plan,
            Options = options,
            Cluster = new ClusterOptions { Store = Address, Run = _run },
            Facts = _run is null ? Facts(subject.Create()) : null,
            RunBegun = number => _run = number,
        });

        private FleetResult RunRecorded(EngineSpecification subject, FleetOptions options)
        {
            SliceCodec codec = new(plan.Resolved);
            using IHistoryStore store = HistoryStores.Open(Address, HistoryAccess.Create);
            using IHistoryStore past = HistoryStores.Open(Address, HistoryAccess.Create);
            bool isNew = _run is null;
            _run ??= store.BeginRun(Facts(subject.Create()));
            using HistoryWriter writer = new(store, _run.Value, codec, static () => Environment.TickCount64);
            ResumePoint? resume = isNew ? null : new ResumePoint(past, past.FindRun(_run)!, codec);
            FleetResult result = subject.Run(new EngineRequest { Plan = plan, Options = options with { Recorder = writer, Resume = resume } });
            writer.Complete();
            return result;
        }

        private RunFacts Facts(IEngine engine) => new()
        {
            Scenario = plan.Scenario.Name,
            ResolvedScenario = plan.Resolved.ToCanonicalText(),
            Seed = plan.Seed,
            Engine = engine.Name,
            ModelVersion = Machine.ModelVersion,
            ProgramVersion = "test",
            OrderIsRecorded = false,
            SliceGenerations = 2,
            Machines = plan.Scenario.Machines,
            Kexecs = plan.Scenario.Kexecs,
            Started = DateTimeOffset.UnixEpoch,
            Command = "kho run",
        };
    }
}
