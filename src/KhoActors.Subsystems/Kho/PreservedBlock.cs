using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>A naturally aligned run of 2^order pages: what a tracker records and what a restore takes.</summary>
/// <param name="Pfn">First page frame.</param>
/// <param name="Order">Its order.</param>
public readonly record struct PreservedBlock(ulong Pfn, int Order)
{
    /// <summary>How many pages it has.</summary>
    public ulong Pages => 1UL << Order;

    /// <summary>Its physical address.</summary>
    public ulong Phys => PageGeometry.PhysOf(Pfn);

    /// <summary>How many bytes the next kernel reserves for a block of an order.</summary>
    /// <param name="order">The order as found in the tree.</param>
    /// <param name="blockSize32Bit">
    /// Whether the kernel computes it in a signed 32-bit int (up to 7.1): wrong from order 19 on, and shifted by order - 20 from
    /// order 20 on, as x86 does where C leaves it open (<see cref="KernelBuild.BlockSize32Bit"/>).
    /// </param>
    /// <returns>The size in bytes, widened to 64 bits.</returns>
    public static ulong ReservedBytes(int order, bool blockSize32Bit) =>
        blockSize32Bit ? unchecked((ulong)(long)(1 << (order + PageGeometry.Shift))) : 1UL << (order + PageGeometry.Shift);
}
