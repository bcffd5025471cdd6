using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using Xunit;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>Regions from one kernel to the next, beyond what captures show.</summary>
public sealed class ReserveMemTests : IIncomingSubtrees
{
    private const ulong MiB = 1UL << 20;
    private const ulong BlobPhys = 0x7000;
    private static readonly KernelBuild Build = CapturedKernels.Find("7.3.0-rc7-a")!;

    private readonly PhysicalMemory _memory = new();
    private readonly KernelLog _log = new();
    private int _result;
    private int _retrievals;

    public int Retrieve(string name, out ulong phys, out ulong sizeBytes)
    {
        _retrievals++;
        (phys, sizeBytes) = (BlobPhys, 4096);
        return name == "memblock" ? _result : -Errno.ENOENT;
    }

    [Fact]
    public void What_one_kernel_publishes_the_next_revives_at_the_same_addresses()
    {
        ReserveMem old = Handle(null, "2M:4096:trace", "100:64:small", "8K::a:b");
        Assert.Equal(0, old.Publish(_memory.WritablePageBytes(BlobPhys >> 12)));

        ReserveMem next = Handle(this, "8K::a:b", "2M:4096:trace", "100:64:small");

        Assert.Equal([old.Entries[2], old.Entries[0], old.Entries[1]], next.Entries.ToArray());
        Assert.Equal(
            [
                "<6>Revived memory reservation 'a:b' from KHO",
                "<6>Revived memory reservation 'trace' from KHO",
                "<6>Revived memory reservation 'small' from KHO",
            ],
            _log.Lines.Select(line => line.ToString()));
        Assert.Equal(1, _retrievals);
    }

    [Fact]
    public void An_absent_subtree_is_no_reason_for_a_line()
    {
        _result = -Errno.ENOENT;

        Assert.Equal(1, Handle(this, "1M:4096:a").Entries.Length);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public void A_failing_lookup_is_repeated_and_printed_for_each_option()
    {
        _result = -Errno.EINVAL;

        Assert.Equal(2, Handle(this, "1M:4096:a", "1M:4096:b").Entries.Length);
        Assert.Equal(2, _log.Lines.Count);
        Assert.All(_log.Lines, line => Assert.Equal("<4>failed to retrieve FDT 'memblock' from KHO: -22", line.ToString()));
    }

    [Fact]
    public void A_revived_region_is_not_reserved_until_the_tracker_is_walked()
    {
        MemblockFdt.Write(_memory.WritablePageBytes(BlobPhys >> 12), [new MemblockFdtEntry("a", 127 * MiB, MiB)]);

        // README D10 (a): a fresh region can land on a revived one.
        ReserveMem regions = Handle(this, "1M:4096:a", "1M:1M:b");

        Assert.Equal([127 * MiB, 127 * MiB], regions.Entries.ToArray().Select(entry => entry.Start));
    }

    [Fact]
    public void The_table_of_the_previous_boot_is_forgotten()
    {
        ReserveMem regions = Handle(null, "1M:4096:a");

        regions.Clear();

        Assert.Equal(0, regions.Entries.Length);
        Assert.Equal(0, regions.Handle("1M:4096:a", _memory, NewMemblock(), Build, null, _log));
    }

    private static MemblockAllocator NewMemblock()
    {
        MemblockAllocator memblock = new();
        memblock.Add(MiB, 127 * MiB);
        return memblock;
    }

    private ReserveMem Handle(IIncomingSubtrees? subtrees, params string[] values)
    {
        ReserveMem regions = new();
        MemblockAllocator memblock = NewMemblock();
        foreach (string value in values)
        {
            Assert.Equal(0, regions.Handle(value, _memory, memblock, Build, subtrees, _log));
        }

        return regions;
    }
}
