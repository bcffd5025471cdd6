using KhoActors.Architecture.Tests.Il;

namespace KhoActors.Architecture.Tests;

public class DeterminismTests
{
    private static readonly string[] MachineNamespaces =
    [
        "KhoActors.Nodes.Runtime", "KhoActors.Nodes.Machines", "KhoActors.Nodes.Invariants", "KhoActors.Nodes.Faults",
    ];

    private static readonly AssemblyScan Tests = AssemblyScan.Of("KhoActors.Architecture.Tests");

    [Fact]
    public void Machines_do_no_floating_point_arithmetic() => Judge.Clean(DeterminismRules.FloatingPoint(MachineCode()));

    [Fact]
    public void Simulation_never_enumerates_in_hash_order() => Judge.Clean(DeterminismRules.HashOrder(SimulationCode()));

    [Fact]
    public void Simulation_sorts_only_values_whose_equals_are_the_same() => Judge.Clean(DeterminismRules.UnstableSort(SimulationCode()));

    [Fact]
    public void Simulation_has_no_mutable_statics() => Judge.Clean(DeterminismRules.MutableStatics(SimulationCode()));

    [Fact]
    public void Machines_use_no_threads_locks_or_tasks() => Judge.Clean(DeterminismRules.Threading(MachineCode()));

    [Fact]
    public void The_scan_reads_the_simulator() =>
        Assert.Contains(MachineCode(), static type => type.Name.EndsWith(".PhysicalMemory", StringComparison.Ordinal));

    [Theory]
    [InlineData("FloatField")]
    [InlineData("FloatLocal")]
    [InlineData("HiddenFloat")]
    public void Planted_floating_point_is_seen(string type) => AssertSees(DeterminismRules.FloatingPoint, type);

    [Theory]
    [InlineData("DictionaryLoop")]
    [InlineData("DictionaryKeys")]
    [InlineData("DictionaryQuery")]
    [InlineData("HashSetLoop")]
    public void Planted_hash_order_is_seen(string type) => AssertSees(DeterminismRules.HashOrder, type);

    [Theory]
    [InlineData("ListSort")]
    [InlineData("SpanSort")]
    [InlineData("ArraySort")]
    public void Planted_unstable_sort_is_seen(string type) => AssertSees(DeterminismRules.UnstableSort, type);

    [Theory]
    [InlineData("AssignableStatic")]
    [InlineData("FillableStatic")]
    public void Planted_mutable_static_is_seen(string type) => AssertSees(DeterminismRules.MutableStatics, type);

    [Theory]
    [InlineData("LockKeyword")]
    [InlineData("AsyncKeyword")]
    public void Planted_threading_is_seen(string type) => AssertSees(DeterminismRules.Threading, type);

    [Fact]
    public void Innocent_code_is_left_alone()
    {
        ScannedType[] innocent = [.. Planted("Innocent")];
        Judge.Clean(DeterminismRules.FloatingPoint(innocent));
        Judge.Clean(DeterminismRules.HashOrder(innocent));
        Judge.Clean(DeterminismRules.UnstableSort(innocent));
        Judge.Clean(DeterminismRules.MutableStatics(innocent));
        Judge.Clean(DeterminismRules.Threading(innocent));
    }

    private static void AssertSees(Func<IEnumerable<ScannedType>, IEnumerable<string>> rule, string type) => Assert.NotEmpty(rule(Planted(type)));

    private static IEnumerable<ScannedType> Planted(string name)
    {
        string full = "KhoActors.Architecture.Tests.Planted." + name;
        return Tests.Types.Where(type => type.Name == full || type.Name.StartsWith(full + "+", StringComparison.Ordinal));
    }

    private static IEnumerable<ScannedType> MachineCode() =>
        AssemblyScan.Of("KhoActors.Subsystems").Types.Concat(AssemblyScan.Of("KhoActors.Nodes").In(MachineNamespaces));

    private static IEnumerable<ScannedType> SimulationCode() =>
        MachineCode().Concat(AssemblyScan.Of("KhoActors.Nodes").In("KhoActors.Nodes.Fleet"));
}
