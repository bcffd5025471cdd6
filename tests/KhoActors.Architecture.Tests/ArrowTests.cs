using System.Xml.Linq;
using KhoActors.Architecture.Tests.Il;

namespace KhoActors.Architecture.Tests;

public class ArrowTests
{
    // Rule 5: what judges the simulator shares no parser, allocator or tracker with it. Messages it may read: they are what it observes.
    private static readonly string[] ClosedToOracles =
    [
        "KhoActors.Subsystems.Tracking.Radix", "KhoActors.Subsystems.Tracking.Leaf", "KhoActors.Subsystems.Tracking.ITracker",
        "KhoActors.Subsystems.Fdt.", "KhoActors.Subsystems.Kho.RootFdt", "KhoActors.Subsystems.Kho.KhoCore",
        "KhoActors.Subsystems.Memblock.Memblock", "KhoActors.Subsystems.Memblock.MemParse", "KhoActors.Subsystems.Memblock.Scratch",
        "KhoActors.Subsystems.Memory.PageAllocator", "KhoActors.Subsystems.Memory.Buddy", "KhoActors.Subsystems.Memory.Vmalloc",
        "KhoActors.Subsystems.Kho.Vmalloc", "KhoActors.Subsystems.PrintkBuffer",
        "KhoActors.Subsystems.Pstore.", "KhoActors.Subsystems.Tmpfs.", "KhoActors.Subsystems.TestKho.", "KhoActors.Subsystems.Clients.ClientKernel",
    ];

    // Of a client they may know what its messages mean.
    private static readonly string[] OpenToOracles =
    [
        "KhoActors.Subsystems.Pstore.PstoreProtocol", "KhoActors.Subsystems.Tmpfs.TmpfsProtocol", "KhoActors.Subsystems.Tmpfs.TmpfsStatField",
    ];

    [Fact]
    public void Subsystems_know_nothing_of_ours() => Judge.Clean(OwnReferences("KhoActors.Subsystems"));

    [Fact]
    public void Nodes_know_only_subsystems() => Judge.Clean(OwnReferences("KhoActors.Nodes").Except(["KhoActors.Subsystems"]));

    [Fact]
    public void The_program_knows_only_nodes_and_subsystems() =>
        Judge.Clean(OwnReferences("kho").Except(["KhoActors.Nodes", "KhoActors.Subsystems"]));

    [Fact]
    public void Only_its_tests_refer_to_the_Akka_engine_and_it_refers_to_nodes_alone()
    {
        var references =
            from file in Repository.Files("*.csproj")
            from reference in XDocument.Load(Path.Combine(Repository.Root, file)).Descendants("ProjectReference").Attributes("Include")
            select (From: Path.GetFileNameWithoutExtension(file), To: Path.GetFileNameWithoutExtension(reference.Value));

        Judge.Clean(
            from reference in references
            where (reference.To == "KhoActors.Nodes.Akka" && reference.From != "KhoActors.Nodes.Akka.Tests")
                || (reference.From == "KhoActors.Nodes.Akka" && reference.To != "KhoActors.Nodes")
            select $"{reference.From} refers to {reference.To}");
    }

    [Fact]
    public void Subsystems_use_nothing_but_the_base_library_and_a_pinned_deflate() => Judge.Clean(
        AssemblyScan.Of("KhoActors.Subsystems").References.Where(static name =>
            !name.StartsWith("System.", StringComparison.Ordinal) && name != "ICSharpCode.SharpZipLib"));

    [Fact]
    public void Oracles_share_no_parser_allocator_or_tracker_with_the_simulator() => Judge.Clean(UsesClosedToOracles("KhoActors.Nodes.Invariants"));

    [Fact]
    public void What_is_closed_to_oracles_is_seen_where_others_use_it()
    {
        string[] seen = [.. UsesClosedToOracles("KhoActors.Nodes.Scenarios"), .. UsesClosedToOracles("KhoActors.Nodes.Machines")];

        Assert.Contains(seen, static use => use.Contains("Pstore.PstoreClients", StringComparison.Ordinal));
        Assert.Contains(seen, static use => use.Contains("Tmpfs.TmpfsActor", StringComparison.Ordinal));
        Assert.Contains(seen, static use => use.Contains("Memblock.Scratch", StringComparison.Ordinal));
    }

    private static IEnumerable<string> UsesClosedToOracles(string folder) =>
        from type in AssemblyScan.Of("KhoActors.Nodes").In(folder)
        from name in type.Mentions
        where !OpenToOracles.Any(open => name.Contains(open, StringComparison.Ordinal))
        from closed in ClosedToOracles
        where name.Contains(closed, StringComparison.Ordinal)
        select $"{type.Name} uses {name}";

    [Fact]
    public void Namespaces_follow_folders() => Judge.Clean(
        from file in Repository.Files("*.cs", "src")
        let declared = Repository.Lines(file).FirstOrDefault(static line => line.StartsWith("namespace ", StringComparison.Ordinal))
        let expected = $"namespace {Path.GetDirectoryName(file)!.Replace('\\', '/')["src/".Length..].Replace('/', '.')};"
        where declared is not null && declared != expected
        select $"{file}: {declared} should be {expected}");

    private static string[] OwnReferences(string assembly) =>
        [.. AssemblyScan.Of(assembly).References.Where(static name => name.StartsWith("KhoActors.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
}
