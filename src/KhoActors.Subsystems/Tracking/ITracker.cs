namespace KhoActors.Subsystems.Tracking;

/// <summary>
/// Receives the blocks of a walk. Implemented by structs, so that a walk calls it without allocating or dispatching. The walk may work
/// on a copy and give it back at its end: when it ends with an exception, fields of the struct may be behind.
/// </summary>
public interface IBlockVisitor
{
    /// <summary>One preserved block.</summary>
    /// <param name="phys">Its physical address.</param>
    /// <param name="order">Its order: 2^order pages.</param>
    /// <returns>0 to go on; anything else ends the walk and becomes its result.</returns>
    int Visit(ulong phys, int order);
}

/// <summary>
/// Where a kernel records preserved blocks so that the next one finds them: all its state is pages of simulated RAM. A set of
/// (pfn, order) pairs without counts: tracking twice and untracking once leaves nothing. The seam between the generations of the
/// ABI: bitmaps (kho-v1) and the radix tree (kho-v2 on). One call is what the kernel does under the tracker's lock.
/// </summary>
public interface ITracker
{
    /// <summary>What the root FDT's <c>preserved-memory-map</c> gets: the physical address where the next kernel starts reading, or 0.</summary>
    ulong MapPhys { get; }

    /// <summary>Records a block. Alignment and memory map are not checked, as in the kernel; pfn 0 is accepted.</summary>
    /// <param name="pfn">First page frame of the block.</param>
    /// <param name="order">Its order, 0..51.</param>
    /// <returns>0, or -ENOMEM with nothing changed.</returns>
    /// <exception cref="SimulatedOopsException">A damaged structure made the kernel follow a wild pointer.</exception>
    int Track(ulong pfn, int order);

    /// <summary>Removes a block; removing one that is not recorded changes nothing.</summary>
    /// <param name="pfn">First page frame of the block.</param>
    /// <param name="order">Its order, 0..51.</param>
    /// <returns>False when a structure that should hold the block is missing: the kernel warns each time.</returns>
    /// <exception cref="SimulatedOopsException">A damaged structure made the kernel follow a wild pointer.</exception>
    bool Untrack(ulong pfn, int order);

    /// <summary>Visits every block in the order in which the next kernel will read them.</summary>
    /// <typeparam name="TVisitor">A struct.</typeparam>
    /// <param name="visitor">Called for each block; it must not change the tracker.</param>
    /// <returns>0, or what the visitor ended the walk with.</returns>
    /// <exception cref="SimulatedOopsException">A damaged structure made the kernel follow a wild pointer.</exception>
    int Walk<TVisitor>(ref TVisitor visitor)
        where TVisitor : struct, IBlockVisitor;

    /// <summary>Gives every page of the structure back; the tracker is not used afterwards.</summary>
    /// <exception cref="SimulatedOopsException">A damaged structure made the kernel follow a wild pointer.</exception>
    void Destroy();
}
