using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>Slices that arrive from elsewhere, late, twice and in any order of machines, make the result of the run.</summary>
public class FleetTallyTests
{
    private static readonly FleetPlan Plan = new(FleetBench.Fleet, FleetBench.Seed);

    [Fact]
    public void Any_order_of_machines_and_any_repetition_is_the_undisturbed_run()
    {
        SliceRecord[] slices = [.. FleetBench.Recorded().Records];
        for (ulong seed = 0; seed < 50; seed++)
        {
            SplitMix64 random = new(seed);
            FleetTally tally = new(Plan);
            while (tally.Open > 0)
            {
                SliceRecord slice = slices[random.Index(slices.Length)];
                int before = tally.NextOf(slice.Machine);
                if (slice.FirstGeneration > before)
                {
                    Assert.Throws<ArgumentException>(() => tally.Add(slice));
                    Assert.True(tally.Conclude(12).Interrupted);
                }
                else
                {
                    Assert.Equal(slice.FirstGeneration == before, tally.Add(slice));
                }
            }

            Assert.Equal($"{seed}\n{FleetBench.Undisturbed}", $"{seed}\n{FleetBench.Text(tally.Conclude(12))}");
        }
    }

    [Fact]
    public void A_machine_that_is_taken_out_is_reported_once_and_the_others_go_on()
    {
        FleetTally tally = new(Plan);
        tally.TakeOut(3, FleetTally.DefectOf(3, new InvalidOperationException("planted")));
        tally.TakeOut(3, "again");
        foreach (SliceRecord slice in FleetBench.Recorded().Records)
        {
            Assert.Equal(slice.Machine != 3, tally.Add(slice));
        }

        FleetResult result = tally.Conclude(12);

        Assert.Equal(["machine 00000003: InvalidOperationException: planted"], result.Defects);
        Assert.Equal((11 * 8, false), ((int)result.Generations, result.Interrupted));
    }

    [Fact]
    public void A_slice_of_no_machine_of_the_fleet_is_refused()
    {
        SliceRecord slice = FleetBench.Recorded().Records.First();

        Assert.Throws<ArgumentException>(() => new FleetTally(Plan).Add(slice with { Machine = 12 }));
        Assert.Throws<ArgumentException>(() => new FleetTally(Plan).Add(slice with { Machine = -1 }));
    }
}
