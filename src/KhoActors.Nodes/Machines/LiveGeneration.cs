using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// A generation as whoever looks in sees it: user space did its work, nothing was copied for the jump yet, RAM is as the next kernel will
/// find most of it. To be looked at only: a reader that changes nothing changes no digest. Valid until the look is over.
/// </summary>
public sealed class LiveGeneration
{
    internal LiveGeneration(int number, BootedKernel kernel, GenerationEnd end, string? lastWords)
    {
        Number = number;
        Kernel = kernel;
        End = end;
        LastWords = lastWords;
    }

    /// <summary>0 for the first boot.</summary>
    public int Number { get; }

    /// <summary>The kernel with its log, early memory, KHO core and RAM. After a death in its boot it has no KHO core.</summary>
    public BootedKernel Kernel { get; }

    /// <summary>How it is about to end.</summary>
    public GenerationEnd End { get; }

    /// <summary>The line with which it died; null while it lives.</summary>
    public string? LastWords { get; }

    /// <summary>What the tracker records for the next kernel.</summary>
    /// <returns>The blocks; without any when KHO is off.</returns>
    public TrackedBlocks ReadTracker() =>
        Kernel.Kho.Enabled ? TrackedBlocks.Read(Kernel.Memory, Kernel.Kho.MapPhys, Kernel.Start.Memory.Ram.Contains) : TrackedBlocks.None;

    /// <summary>The outgoing root FDT.</summary>
    /// <returns>Its page, or null when KHO is off.</returns>
    public byte[]? ReadRootFdt() => Kernel.Kho.Enabled ? ReadPage(Kernel.Kho.FdtPhys) : null;

    /// <summary>The root FDT of the predecessor, as it lies in RAM now.</summary>
    /// <returns>Its page, or null when nothing was accepted.</returns>
    public byte[]? ReadIncomingFdt() => Kernel.Incoming is { } incoming ? ReadPage(incoming.Handoff.FdtPhys) : null;

    private byte[] ReadPage(ulong phys)
    {
        byte[] page = new byte[PageGeometry.SizeBytes];
        Kernel.Memory.Read(phys, page);
        return page;
    }
}
