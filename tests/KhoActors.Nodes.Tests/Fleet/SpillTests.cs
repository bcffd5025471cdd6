using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>Machines that outnumber memory do what they do in memory.</summary>
public sealed class SpillTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kho-spill-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 3)]
    [InlineData(6_000, 1)]
    [InlineData(20_000, 2)]
    public void A_budget_of_memory_changes_no_result(long budget, int workers)
    {
        FleetResult result = Run(budget, workers);

        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(result));
        Assert.InRange(result.Hibernated.MemoryBytes, budget == 0 ? 0 : 1, budget);
        Assert.InRange(result.Hibernated.SpilledBytes, 1_000, result.Hibernated.FileBytes);
        Assert.Equal(12, result.AlivePeak);
    }

    [Fact]
    public void Without_a_budget_nothing_is_spilled()
    {
        FleetResult result = Run(long.MaxValue, workers: 2);

        Assert.Equal((0, 0), (result.Hibernated.SpilledBytes, result.Hibernated.FileBytes));
        Assert.InRange(result.Hibernated.MemoryBytes, 12 * 1_000, 12 * 20_000);
    }

    [Fact]
    public void A_file_that_cannot_be_written_stops_the_run_and_what_is_recorded_continues()
    {
        MemoryHistory history = new(FleetBench.Fleet, FleetBench.Seed);

        FleetResult failed = FleetRunner.Run(new FleetPlan(FleetBench.Fleet, FleetBench.Seed), new FleetOptions
        {
            Workers = 2,
            Recorder = history,
            HibernatedBytesMax = 20_000,
            SpillFolder = Path.Combine(_folder, "missing"),
        });

        SpillException failure = Assert.IsType<SpillException>(failed.Failure);
        Assert.StartsWith($"the file in {Path.Combine(_folder, "missing")} for machines that do not fit into memory cannot be made", failure.Message, StringComparison.Ordinal);
        Assert.Equal((0, 0, false, ""), (failed.Defects.Count, failed.Warnings.Count, failed.Interrupted, failed.Digest));
        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(history.Run(workers: 2)));
    }

    private FleetResult Run(long budget, int workers) => FleetRunner.Run(
        new FleetPlan(FleetBench.Fleet, FleetBench.Seed),
        new FleetOptions { Workers = workers, HibernatedBytesMax = budget, SpillFolder = _folder });
}
