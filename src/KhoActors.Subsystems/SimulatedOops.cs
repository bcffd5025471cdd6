namespace KhoActors.Subsystems;

/// <summary>
/// The simulated kernel crashed: it followed a wild pointer. Part of the simulated world, never a defect of the simulator; the
/// runtime turns it into an oops of the machine and goes on.
/// </summary>
public sealed class SimulatedOopsException : Exception
{
    /// <summary>Where x86-64 with five-level paging maps all physical memory without address randomisation (PAGE_OFFSET).</summary>
    public const ulong DirectMapBase = 0xFF11_0000_0000_0000;

    /// <summary>Where it maps struct page of pfn 0 (VMEMMAP_START).</summary>
    public const ulong MemoryMapBase = 0xFFD4_0000_0000_0000;

    /// <summary>Bytes of struct page.</summary>
    private const ulong PageStructBytes = 64;

    /// <summary>Where <c>private</c> stands in struct page.</summary>
    private const ulong PagePrivateOffset = 40;

    /// <summary>The kernel crashed.</summary>
    public SimulatedOopsException()
        : this("BUG: kernel NULL pointer dereference, address: 0000000000000000")
    {
    }

    /// <summary>The kernel crashed with a message.</summary>
    /// <param name="message">The line the kernel prints first.</param>
    public SimulatedOopsException(string message)
        : base(message)
    {
    }

    /// <summary>The kernel crashed with a message, found while handling something else.</summary>
    /// <param name="message">The line the kernel prints first.</param>
    /// <param name="innerException">What was being handled.</param>
    public SimulatedOopsException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The crash of a kernel that dereferences a physical address where there is no RAM, through the direct map.</summary>
    /// <param name="phys">The physical address.</param>
    /// <returns>The exception, to be thrown.</returns>
    public static SimulatedOopsException BadPhysicalAddress(ulong phys) => PageFault(unchecked(DirectMapBase + phys));

    /// <summary>The crash of a kernel that stamps struct page of a frame that has none, because it is outside RAM.</summary>
    /// <param name="pfn">The page frame number.</param>
    /// <returns>The exception, to be thrown.</returns>
    public static SimulatedOopsException BadPageFrame(ulong pfn) =>
        PageFault(unchecked(MemoryMapBase + (pfn * PageStructBytes) + PagePrivateOffset));

    /// <summary>The crash of a kernel that touches a virtual address where nothing is mapped.</summary>
    /// <param name="address">The virtual address.</param>
    /// <returns>The exception, to be thrown.</returns>
    public static SimulatedOopsException PageFault(ulong address) =>
        new($"BUG: unable to handle page fault for address: {address:x16}");
}
