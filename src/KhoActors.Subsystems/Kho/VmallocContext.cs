using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>What preserving, un-preserving and restoring vmalloc areas need of the kernel around them. One object for a kernel's life.</summary>
/// <param name="memory">RAM, to read chunks.</param>
/// <param name="writablePage">The 512 words of a chunk for writing, by page frame number.</param>
/// <param name="defects">What this kernel's version does differently.</param>
public sealed class VmallocContext(PhysicalMemory memory, Func<ulong, ulong[]> writablePage, VmallocDefects defects)
{
    /// <summary>The node rule for splitting ranges, or null (<see cref="BlockSplit"/>).</summary>
    public Func<ulong, int>? NodeOfPfn { get; init; }

    /// <summary>Whether a range may be preserved: 0 or an errno, with the kernel's warning; null where everything may.</summary>
    public Func<ulong, ulong, int>? CheckPreservable { get; init; }

    /// <summary>Whether anything can be un-preserved: 0, or an errno when there is no tracker, with the kernel's warning; null where it can.</summary>
    public Func<ulong, int>? CheckUnpreservable { get; init; }

    /// <summary>Whether a page frame is RAM; null where all are.</summary>
    public Func<ulong, bool>? IsRam { get; init; }

    /// <summary>What this kernel's version does differently.</summary>
    public VmallocDefects Defects { get; } = defects;

    internal ulong[] WritableChunk(ulong phys) => writablePage(PageGeometry.PfnOf(phys));

    /// <summary>The address of the chunk after one.</summary>
    internal ulong NextChunk(ulong chunkPhys) => Read(chunkPhys);

    /// <summary>The entry of a chunk at a position: 0 behind the last one.</summary>
    /// <exception cref="SimulatedOopsException">There is no RAM, or a kernel without a bound ran for ever.</exception>
    internal ulong EntryAt(ulong chunkPhys, int entry)
    {
        const int EntriesUntilWatchdog = 1 << 20;
        if (entry >= VmallocChunk.Entries)
        {
            if (!Defects.ChunkUnbounded)
            {
                return 0;
            }

            if (entry >= EntriesUntilWatchdog)
            {
                throw new SimulatedOopsException("watchdog: BUG: soft lockup - CPU#0 stuck in kho_unpreserve_vmalloc");
            }
        }

        return Read(chunkPhys + ((ulong)VmallocChunk.WordOf(entry) << 3));
    }

    private ulong Read(ulong phys) =>
        PageGeometry.PfnOf(phys) < PageGeometry.PfnLimit && IsRam?.Invoke(PageGeometry.PfnOf(phys)) != false
            ? memory.ReadUInt64(phys)
            : throw SimulatedOopsException.BadPhysicalAddress(phys);
}
