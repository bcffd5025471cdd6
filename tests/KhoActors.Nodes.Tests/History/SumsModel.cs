using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Tests.History;

/// <summary>What a store must have counted: a set of slices, summed anew each time it is asked.</summary>
internal sealed class SumsModel
{
    private readonly Dictionary<(int Machine, int First), SliceRecord> _slices = [];
    private readonly Dictionary<int, int> _checkpoints = [];

    public void Add(SliceRecord slice) => _slices[(slice.Machine, slice.FirstGeneration)] = slice;

    public bool Has(int machine, int first) => _slices.ContainsKey((machine, first));

    public void AddCheckpoint(int machine, int nextGeneration) =>
        _checkpoints[machine] = Math.Max(nextGeneration, _checkpoints.GetValueOrDefault(machine));

    public void AssertEqual(IHistoryStore store, int run)
    {
        StoredRun stored = store.FindRun(run) ?? throw new InvalidOperationException("no run");
        GenerationReport[] reports = [.. _slices.Values.SelectMany(slice => slice.Generations).Select(generation => generation.Report)];
        RunSums sums = new()
        {
            Generations = reports.Length,
            Kexecs = reports.Count(report => report.WasKexec),
            ColdBoots = reports.Count(report => !report.WasKexec),
            Messages = (ulong)reports.Sum(report => (long)report.Messages),
            Operations = reports.Sum(report => report.Operations),
            FailedRequests = reports.Sum(report => report.FailedRequests),
            Violations = reports.Sum(report => report.ViolationCount),
        };
        Assert.Equal(sums, stored.Sums);
        Assert.Equal(Transitions(reports), store.ReadTransitions(run));
        Assert.Equal(reports.Length, store.ReadOutcomes(run).Sum(outcome => outcome.Value));
        Assert.Equal(
            reports.Count(report => report.End == GenerationEnd.Panic),
            store.ReadOutcomes(run).SingleOrDefault(outcome => outcome.Key == "panic").Value);
        Assert.Equal(sums.Violations, store.ReadViolations(run, int.MaxValue).Count);
        foreach (int machine in _slices.Keys.Select(key => key.Machine).Distinct())
        {
            int expected = Has(machine, 8) ? 0 : _checkpoints.GetValueOrDefault(machine);
            Assert.Equal(expected, store.ReadCheckpoint(run, machine)?.NextGeneration ?? 0);
        }
    }

    private static FleetTransition[] Transitions(GenerationReport[] reports) =>
    [
        .. reports.Where(report => report.WasKexec).GroupBy(report => (report.PreviousKernel, report.Kernel)).Select(group => new FleetTransition
        {
            From = group.Key.PreviousKernel,
            To = group.Key.Kernel,
            Count = group.Count(),
            Restored = group.Count(report => report.HandedOver),
            Lost = group.Count(report => !report.HandedOver),
            Violations = group.Sum(report => report.ViolationCount),
        }).OrderBy(transition => transition.From, StringComparer.Ordinal).ThenBy(transition => transition.To, StringComparer.Ordinal),
    ];
}
