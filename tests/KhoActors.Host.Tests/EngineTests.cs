using System.Reflection;
using System.Reflection.Emit;
using KhoActors.Host.Doctor;
using KhoActors.Host.Engines;
using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Host.Tests;

/// <summary>Engines are found beside the program, and whatever lies there ends in an engine or in one clear line.</summary>
public sealed class EngineTests : IDisposable
{
    private const string AkkaFile = "KhoActors.Nodes.Akka.dll";
    private readonly TemporaryFolder _folder = new();

    private EngineCatalog Catalog => new(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_local_engine_is_always_there() => Assert.IsType<LocalEngine>(Catalog.Find("local"));

    [Fact]
    public void An_engine_that_was_left_out_is_said_to_be() => Assert.Equal(
        "engine 'akka' was left out of this build: there is no KhoActors.Nodes.Akka.dll beside the program; accepted: local", Refusal("akka"));

    [Theory]
    [InlineData("nowhere")]
    [InlineData("Akka")]
    [InlineData("../akka")]
    [InlineData("")]
    public void An_engine_that_does_not_exist_is_refused(string name) => Assert.Equal($"there is no engine '{name}'; accepted: local, akka", Refusal(name));

    [Fact]
    public void What_is_no_assembly_is_refused()
    {
        _folder.Write(AkkaFile, "no assembly");

        Assert.Equal($"engine 'akka' cannot be used: {AkkaFile}: it is no .NET assembly", Refusal("akka"));
    }

    [Theory]
    [InlineData("Other", typeof(PlantedEngine), "it has no class KhoActors.Nodes.Akka.EngineEntryPoint")]
    [InlineData("EngineEntryPoint", typeof(object), "KhoActors.Nodes.Akka.EngineEntryPoint is no IEngine")]
    [InlineData("EngineEntryPoint", typeof(FailingEngine), "KhoActors.Nodes.Akka.EngineEntryPoint threw InvalidOperationException: no file, and two lines")]
    public void An_assembly_that_is_no_engine_is_refused(string type, Type parent, string reason)
    {
        Plant(type, parent);

        Assert.Equal($"engine 'akka' cannot be used: {AkkaFile}: {reason}", Refusal("akka"));
    }

    [Fact]
    public void An_engine_beside_the_program_is_found()
    {
        Plant("EngineEntryPoint", typeof(PlantedEngine));

        IEngine engine = Catalog.Find("akka");

        Assert.IsType<PlantedEngine>(engine, exactMatch: false);
        Assert.Equal("ok: local (threads of this process), akka (a planted engine)", Text(EngineCheck.Of(Catalog)));
    }

    [Fact]
    public void The_doctor_says_which_engines_there_are()
    {
        Assert.Equal("ok: local (threads of this process), no akka", Text(EngineCheck.Of(Catalog)));
        _folder.Write(AkkaFile, "no assembly");
        Assert.Equal($"warning: engine 'akka' cannot be used: {AkkaFile}: it is no .NET assembly", Text(EngineCheck.Of(Catalog)));
    }

    [Theory]
    [InlineData("there is no engine 'nowhere'; accepted: local, akka", "run", "tiny", "--engine", "nowhere")]
    [InlineData("--order concurrent: the local engine has no such order, it delivers as the seed says", "run", "tiny", "--order", "concurrent")]
    [InlineData("--order 'best': 'seeded' and 'concurrent' are accepted", "run", "tiny", "--order", "best")]
    [InlineData("--port is about clusters: the local engine has no nodes", "run", "tiny", "--port", "1")]
    [InlineData("--seed-nodes is about clusters: the local engine has no nodes", "run", "tiny", "--seed-nodes", "a:1")]
    [InlineData("--engine local: it is one process and has no nodes; accepted: akka", "node", "--engine", "local")]
    [InlineData("--port '65536': a port from 0 to 65535 is accepted, 0 for any that is free; see kho node --help", "node", "--port", "65536")]
    [InlineData("--seed-nodes 'b': HOST:PORT is accepted, with commas between; see kho node --help", "node", "--seed-nodes", "a:1,b")]
    [InlineData("--seed-nodes ':1': HOST:PORT is accepted, with commas between; see kho node --help", "node", "--seed-nodes", ":1")]
    [InlineData("--seed-nodes 'a:0': HOST:PORT is accepted, with commas between; see kho node --help", "node", "--seed-nodes", "a:0")]
    public void What_an_engine_cannot_do_is_a_usage_error(string message, params string[] arguments)
    {
        ProgramRun run = ProgramRun.Of(arguments);

        Assert.Equal((ExitCode.Usage, $"kho: {message}"), (run.ExitCode, run.ErrorLine));
        Assert.Empty(run.Out);
    }

    [Theory]
    [InlineData("node")]
    [InlineData("run", "tiny", "--engine", "akka")]
    public void Without_the_engine_its_commands_are_the_same_usage_error(params string[] arguments)
    {
        if (EngineCatalog.OfProgram.Has(EngineCatalog.Akka))
        {
            return;
        }

        ProgramRun run = ProgramRun.Of(arguments);

        Assert.Equal((ExitCode.Usage, $"kho: {Refusal("akka")}"), (run.ExitCode, run.ErrorLine));
    }

    [Fact]
    public void An_engine_that_keeps_the_history_gets_all_it_needs_and_names_the_run()
    {
        PlantedEngine engine = new();
        FleetPlan plan = new(SourceTree.Scenarios().Load("tiny"), seed: 7);
        ClusterOptions cluster = new() { Store = "sqlite:elsewhere.db", SeedNodes = ["a:1"], Port = 2 };
        using StringWriter output = new();
        using StringWriter error = new();

        ExitCode code = new FleetSession
        {
            Terminal = new Terminal { Out = output, Error = error },
            Choice = new EngineChoice(engine, DeliveryOrder.Concurrent, cluster),
            Facts = History.TestHistory.Tiny,
            Plan = plan,
            Workers = 4,
            HibernatedBytesMax = 1 << 20,
            AsJson = true,
            Reproduce = "kho run tiny",
        }.Run();

        Assert.Equal(ExitCode.Held, code);
        Assert.Equal((DeliveryOrder.Concurrent, cluster), (engine.Request!.Order, engine.Request.Cluster));
        Assert.Equal("tiny", engine.Request.Facts!.Scenario);
        Assert.Contains("run 5 in sqlite:elsewhere.db", error.ToString(), StringComparison.Ordinal);
        ProgramRun run = new(code, output.ToString(), error.ToString());
        Assert.Equal(("5", "planted"), (run.Json.GetProperty("run").GetString(), run.Json.GetProperty("engine").GetString()));
    }

    [Fact]
    public void A_run_is_continued_on_its_own_engine()
    {
        using History.TestHistory history = new();
        int local = history.Enter();
        int elsewhere = history.Enter(static facts => facts with { Engine = "nowhere" });

        ProgramRun other = history.Of("run", "--resume", $"{local}", "--engine", "akka");
        ProgramRun unknown = history.Of("run", "--resume", $"{elsewhere}");

        Assert.Equal("kho: --resume continues a run on its own engine, local: --engine akka does not go with it", other.ErrorLine);
        Assert.Equal("kho: there is no engine 'nowhere'; accepted: local, akka", unknown.ErrorLine);
        Assert.Equal((ExitCode.Usage, ExitCode.Usage), (other.ExitCode, unknown.ExitCode));
    }

    private static string Text(Check check) => $"{check.Verdict.ToString().ToLowerInvariant()}: {check.Found}";

    private string Refusal(string name) => Assert.Throws<UsageException>(() => Catalog.Find(name)).Message;

    /// <summary>Writes the assembly of an engine: one class with a parent. Each has a name of its own, as a process loads a name once.</summary>
    private void Plant(string type, Type parent)
    {
        AssemblyName name = new($"Planted.{type}.{parent.Name}");
        PersistedAssemblyBuilder assembly = new(name, typeof(object).Assembly);
        TypeBuilder builder = assembly.DefineDynamicModule(name.Name!).DefineType($"KhoActors.Nodes.Akka.{type}", TypeAttributes.Public, parent);
        builder.DefineDefaultConstructor(MethodAttributes.Public);
        builder.CreateType();
        assembly.Save(Path.Combine(_folder.Path, AkkaFile));
    }

    /// <summary>An engine that keeps histories, says it is of clusters, and is the local one.</summary>
    public class PlantedEngine : IEngine
    {
        public string Name => "planted";

        public string Summary => "a planted engine";

        public IReadOnlyList<DeliveryOrder> Orders => [DeliveryOrder.Seeded, DeliveryOrder.Concurrent];

        public bool HasNodes => true;

        public bool KeepsHistory => true;

        public EngineRequest? Request { get; private set; }

        public FleetResult Run(EngineRequest request)
        {
            Request = request;
            request.RunBegun?.Invoke(5);
            return FleetRunner.Run(request.Plan, request.Options);
        }

        public NodeOutcome RunNode(NodeOptions options) => NodeOutcome.Left;
    }

    /// <summary>An engine that cannot be made.</summary>
    public class FailingEngine : PlantedEngine
    {
        public FailingEngine() => throw new InvalidOperationException("no file,\n and two lines.");
    }
}
