using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Tracking;

/// <summary>Hands out one page after the other and fails when told to; checks that only its pages come back, each once.</summary>
internal sealed class ForwardPageSource(PhysicalMemory memory, ulong firstPhys) : IPageSource
{
    private readonly SortedSet<ulong> _live = [];

    /// <summary>Allocations that still succeed.</summary>
    public long AllocationsLeft { get; set; } = long.MaxValue;

    public ulong NextPhys { get; private set; } = firstPhys;

    public IReadOnlyCollection<ulong> Live => _live;

    public ulong AllocateZeroedPage()
    {
        if (AllocationsLeft == 0)
        {
            return 0;
        }

        AllocationsLeft--;
        ulong phys = NextPhys;
        NextPhys += PageGeometry.SizeBytes;
        memory.ZeroPage(PageGeometry.PfnOf(phys));
        _live.Add(phys);
        return phys;
    }

    public void FreePage(ulong phys)
    {
        Assert.True(_live.Remove(phys), $"0x{phys:x} was not allocated");
        memory.Poison(PageGeometry.PfnOf(phys), 1);
    }
}
