using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.TestKho;

namespace KhoActors.Subsystems.Tests.TestKho;

/// <summary>Saving, and what an error at each step leaves behind.</summary>
public sealed class TestKhoSaveTests
{
    private static readonly ActorId Id = TestKhoActor.Client.Actor;

    [Fact]
    public void Any_amount_of_data_is_saved_exactly_and_taken_back_by_the_modules_exit()
    {
        for (ulong seed = 0; seed < 150; seed++)
        {
            SplitMix64 draws = new(seed);
            SaveBench bench = new(draws.Below(1 << 24), seed);
            ulong maxBytes = bench.MaxBytes;
            ulong freeBefore = bench.Kernel.Pages.FreePages;
            SortedSet<(ulong, int)> trackedBefore = bench.Kernel.Tracked;

            Assert.Equal(0, bench.InitModule());
            TestKhoFdt blob = bench.ReadBlob(out ulong blobPhys, out int blobOrder);
            ulong[] entries = bench.EntriesOf(blob);
            ulong saved = entries.Aggregate(0UL, (sum, entry) => sum + (4096UL << (int)(entry & 0xFFF)));
            Assert.True(saved == PageGeometry.AlignUp(maxBytes), $"seed {seed}: {saved} bytes of {maxBytes}");
            Assert.Equal(PageGeometry.OrderOf(((ulong)entries.Length * 8) + 4096), blobOrder);
            Assert.All(entries, entry => Assert.Contains((PageGeometry.PfnOf(entry), (int)(entry & 0xFFF)), bench.Kernel.Tracked));
            Assert.Contains((PageGeometry.PfnOf(blobPhys), blobOrder), bench.Kernel.Tracked);
            Assert.Equal(bench.ChecksumOf(entries), blob.Checksum);

            Assert.Equal(0, bench.Kernel.Call(ClientProtocol.Plain(Id, ClientProtocol.Exit), Id).Code);
            Assert.Equal(freeBefore, bench.Kernel.Pages.FreePages);
            Assert.Equal(trackedBefore, bench.Kernel.Tracked);
            Assert.False(bench.Publishes);
        }
    }

    [Theory]
    [InlineData("no page for the second folio")]
    [InlineData("no page for the blob")]
    [InlineData("no page for the array")]
    [InlineData("no page for the array's chunk")]
    [InlineData("no page for the tracker")]
    [InlineData("no room in the root FDT")]
    public void An_error_leaves_tracker_and_root_FDT_as_before_and_frees_all_but_the_data(string error)
    {
        // 1 page of data in one folio, then blob (order 1), array and chunk take pages in this order.
        const ulong DataPages = 1;
        SaveBench bench = new(error == "no page for the second folio" ? 3 * 4096UL : 4096, seed: 1);
        ulong? left = error switch
        {
            "no page for the second folio" => 1,
            "no page for the blob" => 2,
            "no page for the array" => 3,
            "no page for the array's chunk" => 4,
            _ => null,
        };
        if (left is { } pages)
        {
            bench.KeepFree(pages);
        }
        else if (error == "no page for the tracker")
        {
            bench.Kernel.TrackerPages.AllocationsLeft = 0;
        }
        else
        {
            bench.FillRootFdt();
        }

        bool dataIsFreed = error == "no page for the second folio";
        ulong freeBefore = bench.Kernel.Pages.FreePages;
        SortedSet<(ulong, int)> trackedBefore = bench.Kernel.Tracked;

        Assert.Equal(-Errno.ENOMEM, bench.InitModule());
        Assert.Equal(freeBefore - (dataIsFreed ? 0 : DataPages), bench.Kernel.Pages.FreePages);
        Assert.Equal(trackedBefore, bench.Kernel.Tracked);
        Assert.False(bench.Publishes);
        Assert.DoesNotContain(bench.Kernel.Lines, line => line.Contains("test_kho", StringComparison.Ordinal));
    }

    [Fact]
    public void Any_shortage_of_pages_or_room_fails_with_ENOMEM_and_undoes_all_but_the_data()
    {
        int failed = 0, lost = 0;
        for (ulong seed = 0; seed < 400; seed++)
        {
            SplitMix64 draws = new(seed);
            SaveBench bench = new(draws.Below(1 << 20), seed);
            ulong maxBytes = bench.MaxBytes;
            bench.KeepFree(Math.Max(8, maxBytes >> 12) + draws.Below(20) - 8);
            bench.Kernel.TrackerPages.AllocationsLeft = (long)draws.Below(30);
            if (draws.Below(4) == 0)
            {
                bench.FillRootFdt();
            }

            ulong freeBefore = bench.Kernel.Pages.FreePages;
            SortedSet<(ulong, int)> trackedBefore = bench.Kernel.Tracked;
            int result = bench.InitModule();
            if (result == 0)
            {
                continue;
            }

            Assert.Equal(-Errno.ENOMEM, result);
            ulong missing = freeBefore - bench.Kernel.Pages.FreePages;
            Assert.True(missing == 0 || missing == PageGeometry.AlignUp(maxBytes) >> 12, $"seed {seed}: {missing} pages are missing");
            Assert.True(trackedBefore.SetEquals(bench.Kernel.Tracked), $"seed {seed}: the tracker is not as before");
            Assert.False(bench.Publishes, $"seed {seed}: the blob is still published");
            failed++;
            lost += missing == 0 ? 0 : 1;
        }

        Assert.InRange(failed, 100, 390);
        Assert.InRange(lost, 50, failed - 30);
    }

    [Fact]
    public void No_data_at_all_fails_because_vmalloc_of_nothing_does()
    {
        SaveBench bench = new(0, seed: 1);
        ulong freeBefore = bench.Kernel.Pages.FreePages;

        Assert.Equal(-Errno.ENOMEM, bench.InitModule());
        Assert.Equal(freeBefore, bench.Kernel.Pages.FreePages);
    }

    [Fact]
    public void More_folios_than_a_pointer_array_can_hold_fail_before_anything_is_allocated()
    {
        SaveBench bench = new(long.MaxValue, seed: 1);
        ulong freeBefore = bench.Kernel.Pages.FreePages;

        Assert.Equal(-Errno.ENOMEM, bench.InitModule());
        Assert.Equal(freeBefore, bench.Kernel.Pages.FreePages);
    }

    [Fact]
    public void Exit_of_a_module_that_saved_nothing_kills_the_kernel()
    {
        SaveBench bench = new(0, seed: 1);
        bench.InitModule();

        Assert.Throws<SimulatedOopsException>(() => bench.Kernel.Call(ClientProtocol.Plain(Id, ClientProtocol.Exit), Id));
    }

    [Fact]
    public void Without_KHO_the_module_does_nothing()
    {
        SaveBench bench = new(4096, seed: 1, enabled: false);
        ulong freeBefore = bench.Kernel.Pages.FreePages;

        Assert.Equal(0, bench.InitModule());
        Assert.Equal(freeBefore, bench.Kernel.Pages.FreePages);
    }
}
