using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace KhoActors.Architecture.Tests.Unbuilt;

/// <summary>
/// The Akka engine is compiled only where the package feed has Akka. Everywhere else this keeps it from rotting: every name in its sources exists,
/// in KhoActors or on the list of Akka's names.
/// </summary>
public class UnbuiltTests
{
    private const string NamesFile = "tests/KhoActors.Architecture.Tests/Unbuilt/akka-names.txt";

    // Sources as they may stand in the engine: a base, calls, handlers, extension methods and overrides of Akka, around names of ours.
    private const string Sound = """
        using Akka.Actor;
        using KhoActors.Nodes.Fleet;
        using KhoActors.Nodes.Machines;
        using KhoActors.Nodes.Runtime;

        namespace KhoActors.Nodes.Akka;

        internal sealed class Planted : ReceiveActor
        {
            private readonly SortedDictionary<int, IActorRef> _children = [];

            public Planted(MachineSpec spec, Task<ulong> drawn)
            {
                Receive<GenerationReport>((GenerationReport report) => Sender.Tell(new Drawn(report.Generation)));
                Receive<Drawn>(OnDrawn);
                drawn.PipeTo(Self);
                Context.Watch(_children[0]);
                Number = SplitMix64Jump(Sender.Path.Uid, 3);
            }

            public int Number { get; }

            protected override void PreStart() => Self.Tell(FleetRunner.Run(Self, Context));

            private static int SplitMix64Jump(int from, int count) => from + count;

            private void OnDrawn(Drawn drawn) => Self.Tell(drawn with { Value = 1 });

            private sealed record Drawn(int Value);
        }
        """;

    private static readonly string[] NamesOfSound = ["Akka", "ReceiveActor", "IActorRef", "Receive", "Sender", "Self", "Context", "PipeTo"];

    [Fact]
    public void Every_name_in_the_Akka_engine_exists() => Judge.Clean(
        UnbuiltProject.Bind().SelectMany(static project => UnbuiltRules.Judge(project, Names()).Complaints));

    [Fact]
    public void Every_name_on_the_list_is_used()
    {
        HashSet<string> used = [.. UnbuiltProject.Bind().SelectMany(static project => UnbuiltRules.Judge(project, Names()).Excused)];

        Judge.Clean(Names().Where(name => !used.Contains(name)).Select(static name => $"{NamesFile}: {name} excuses nothing"));
    }

    [Fact]
    public void No_type_of_ours_has_a_name_on_the_list()
    {
        CSharpCompilation ours = UnbuiltProject.Bind(string.Empty);

        Judge.Clean(
            from name in Names()
            where name != "Akka"
            from symbol in ours.GetSymbolsWithName(name, SymbolFilter.Type).Concat(OwnTypes(ours.GlobalNamespace).Where(type => type.Name == name))
            select $"{NamesFile}: {name} is also {symbol.ToDisplayString()}; a mistake in its use would be excused");
    }

    [Fact]
    public void Sound_sources_are_found_sound() => Judge.Clean(UnbuiltRules.Judge(UnbuiltProject.Bind(Sound), NamesOfSound).Complaints);

    [Theory]
    [InlineData("report.Generation", "report with { Generations = 1 }", "Generations")]
    [InlineData("report.Generation", "report is { Generations: 1 }", "Generations")]
    [InlineData("report.Generation", "report?.Generations", "Generations")]
    [InlineData("report.Generation", "reports.Digest", "reports")]
    [InlineData("new Drawn(report.Generation)", "new Draws(report.Generation)", "Draws")]
    [InlineData("using KhoActors.Nodes.Fleet;", "using KhoActors.Nodes.Fleets;", "Fleets")]
    [InlineData("MachineSpec spec", "MachineSpecs spec", "MachineSpecs")]
    [InlineData("report.Generation", "report.Generations", "Generations")]
    [InlineData("report.Generation)", "report.Generation, 1)", "takes")]
    [InlineData("FleetRunner.Run(", "FleetRunner.Start(", "Start")]
    [InlineData("FleetRunner.Run(", "FleetRunners.Run(", "FleetRunners")]
    [InlineData("FleetRunner.Run(Self, Context)", "FleetRunner.Run(Self, Context, 3)", "takes")]
    [InlineData("SplitMix64Jump(Sender.Path.Uid, 3)", "SplitMix64Jump(Sender.Path.Uid, 3, 4)", "takes")]
    [InlineData("SplitMix64Jump(Sender.Path.Uid, 3)", "SplitMix64Jump(Sender.Path.Uid, counts: 4)", "takes")]
    [InlineData("drawn with { Value = 1 }", "drawn with { Values = 1 }", "Values")]
    [InlineData("Receive<GenerationReport>((GenerationReport report)", "Receive<GenerationReport>((report)", "write the type of report")]
    [InlineData("drawn.PipeTo(Self)", "drawn.PipeFrom(Self)", "PipeFrom")]
    [InlineData("IActorRef>", "IActorReference>", "IActorReference")]
    [InlineData("Context.Watch", "spec.Context", "Context")]
    public void A_mistake_is_caught(string sound, string mistaken, string complaint)
    {
        string planted = Sound.Replace(sound, mistaken, StringComparison.Ordinal);
        Assert.NotEqual(Sound, planted);

        IReadOnlyList<string> complaints = UnbuiltRules.Judge(UnbuiltProject.Bind(planted), NamesOfSound).Complaints;

        Assert.True(complaints.Any(one => one.Contains(complaint, StringComparison.Ordinal)), string.Join('\n', complaints));
    }

    [Fact]
    public void A_public_member_without_documentation_is_caught()
    {
        string planted = Sound.Replace("internal sealed class Planted", "public sealed class Planted", StringComparison.Ordinal);

        IReadOnlyList<string> complaints = UnbuiltRules.Judge(UnbuiltProject.Bind(planted), NamesOfSound).Complaints;

        Assert.Contains(complaints, static one => one.Contains("CS1591", StringComparison.Ordinal));
    }

    private static IEnumerable<string> Names() =>
        Repository.Lines(NamesFile).Where(static line => line.Length > 0 && line[0] != '#');

    private static IEnumerable<INamedTypeSymbol> OwnTypes(INamespaceSymbol space) =>
        space.GetTypeMembers().Where(static type => type.ContainingAssembly.Name is "KhoActors.Nodes" or "KhoActors.Subsystems")
            .Concat(space.GetNamespaceMembers().SelectMany(OwnTypes));
}
