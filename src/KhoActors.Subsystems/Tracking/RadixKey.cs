using System.Diagnostics;
using System.Numerics;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tracking;

/// <summary>
/// Keys of the radix tree, for 4 KiB pages: one number says order and address of a block. Bit (52 - order) is set and marks the order;
/// below it stands the block's index, phys >> (12 + order). Larger orders have smaller keys (include/linux/kho/abi/kexec_handover.h,
/// kho-v2 on).
/// </summary>
public static class RadixKey
{
    /// <summary>Significant bits of a key (KHO_RADIX_KEY_WIDTH).</summary>
    public const int Width = OrderZeroBit + 1;

    /// <summary>The bit that marks order 0 (KHO_ORDER_0_LOG2).</summary>
    public const int OrderZeroBit = 64 - PageGeometry.Shift;

    /// <summary>The largest order a key can hold with a defined address.</summary>
    public const int MaxOrder = OrderZeroBit - 1;

    /// <summary>Key bits that choose a bit in a leaf (KHO_BITMAP_SIZE_LOG2).</summary>
    public const int LeafBits = PageGeometry.Shift + 3;

    /// <summary>Key bits that choose an entry of a table (KHO_TABLE_SIZE_LOG2).</summary>
    public const int TableBits = PageGeometry.Shift - 3;

    /// <summary>Levels of the tree, leaf included (KHO_TREE_MAX_DEPTH): the root has level 5, leaves have level 0.</summary>
    public const int Depth = 6;

    /// <summary>The level of the root table.</summary>
    public const int RootLevel = Depth - 1;

    /// <summary>The key of a block. The low 12 + order bits of the address are dropped.</summary>
    /// <param name="phys">Physical address of the block, any 64-bit value.</param>
    /// <param name="order">0..51.</param>
    /// <returns>The key, below 2^53.</returns>
    public static ulong Encode(ulong phys, int order)
    {
        Debug.Assert((uint)order <= MaxOrder, "no key has this order");
        return (1UL << (OrderZeroBit - order)) | (phys >> PageGeometry.Shift >> order);
    }

    /// <summary>
    /// The block of a key. Keys 0 and 1 name no block: the kernel shifts by 64 or more; the result is what x86 makes of that, which
    /// takes a shift modulo 64.
    /// </summary>
    /// <param name="key">Any key; bits above <see cref="Width"/> give a negative order.</param>
    /// <returns>Physical address and order.</returns>
    public static (ulong Phys, int Order) Decode(ulong key)
    {
        int order = OrderOf(key);
        return (key << (PageGeometry.Shift + order), order);
    }

    /// <summary>The order of a key: the distance of its highest set bit from <see cref="OrderZeroBit"/>.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The order.</returns>
    public static int OrderOf(ulong key) => OrderZeroBit + 1 - (64 - BitOperations.LeadingZeroCount(key));

    /// <summary>The entry of the table at a level on the way to a key.</summary>
    /// <param name="level">1 (the tables that point to leaves) to 5 (the root).</param>
    /// <param name="key">The key.</param>
    /// <returns>0..511.</returns>
    public static int Index(int level, ulong key)
    {
        Debug.Assert(level is > 0 and < Depth, "leaves have no entries");
        return (int)(key >> (LeafBits + ((level - 1) * TableBits))) & ((1 << TableBits) - 1);
    }

    /// <summary>The bit of a key in its leaf: bit n is bit n % 8 of byte n / 8.</summary>
    /// <param name="key">The key.</param>
    /// <returns>0..32767.</returns>
    public static int LeafBit(ulong key) => (int)key & ((1 << LeafBits) - 1);
}
