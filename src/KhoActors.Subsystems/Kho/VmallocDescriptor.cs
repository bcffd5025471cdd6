using System.Buffers.Binary;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// How a preserved vmalloc area is handed over (struct kho_vmalloc, include/linux/kho/abi/kexec_handover.h, 6.18 on): 16 bytes that a
/// client keeps wherever it likes. All fields are little-endian.
/// </summary>
/// <param name="FirstChunkPhys">Offset 0, u64: physical address of the first chunk.</param>
/// <param name="TotalPages">Offset 8, u32: pages of the area.</param>
/// <param name="Flags">Offset 12, u16: <see cref="AllocFlag"/>, <see cref="HugeVmapFlag"/>; a restore ignores all others.</param>
/// <param name="Order">Offset 14, u16: order of the groups of contiguous pages.</param>
public readonly record struct VmallocDescriptor(ulong FirstChunkPhys, uint TotalPages, ushort Flags, ushort Order)
{
    /// <summary>Bytes of the structure.</summary>
    public const int SizeBytes = 16;

    /// <summary>Flag: the area was made by vmalloc (VM_ALLOC).</summary>
    public const ushort AllocFlag = 0x1;

    /// <summary>Flag: it may consist of blocks larger than a page (VM_ALLOW_HUGE_VMAP).</summary>
    public const ushort HugeVmapFlag = 0x2;

    /// <summary>The flags of an area that can be preserved; any other gives -EOPNOTSUPP.</summary>
    public const VmallocAttributes SupportedFlags = VmallocAttributes.Alloc | VmallocAttributes.AllowHugeVmap;

    /// <summary>The first eight bytes as a word.</summary>
    public ulong Low => FirstChunkPhys;

    /// <summary>The last eight bytes as a word.</summary>
    public ulong High => TotalPages | ((ulong)Flags << 32) | ((ulong)Order << 48);

    /// <summary>
    /// Pages of a group as the kernel computes them, in a signed 32-bit int: an order above 31, which no kernel writes, is shifted modulo 32
    /// as x86 does, and order 31 gives a negative number, which is no page.
    /// </summary>
    public ulong PagesPerGroup => (ulong)Math.Max(0, 1 << Order);

    /// <summary>The flags of the area that a restore makes.</summary>
    public VmallocAttributes AreaFlags =>
        ((Flags & AllocFlag) != 0 ? VmallocAttributes.Alloc : VmallocAttributes.None)
        | ((Flags & HugeVmapFlag) != 0 ? VmallocAttributes.AllowHugeVmap : VmallocAttributes.None);

    /// <summary>A descriptor from its two words.</summary>
    /// <param name="low">The first eight bytes.</param>
    /// <param name="high">The last eight bytes.</param>
    /// <returns>The descriptor.</returns>
    public static VmallocDescriptor From(ulong low, ulong high) => new(low, (uint)high, (ushort)(high >> 32), (ushort)(high >> 48));

    /// <summary>Reads a descriptor.</summary>
    /// <param name="source">At least 16 bytes.</param>
    /// <returns>The descriptor.</returns>
    public static VmallocDescriptor Read(ReadOnlySpan<byte> source) =>
        From(BinaryPrimitives.ReadUInt64LittleEndian(source), BinaryPrimitives.ReadUInt64LittleEndian(source[sizeof(ulong)..]));

    /// <summary>Writes the descriptor.</summary>
    /// <param name="destination">At least 16 bytes.</param>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, Low);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[sizeof(ulong)..], High);
    }

    /// <summary>The flags that an area is handed over with.</summary>
    /// <param name="flags">Flags of the area, all supported.</param>
    /// <returns>The bits of the descriptor.</returns>
    public static ushort FlagsOf(VmallocAttributes flags) =>
        (ushort)(((flags & VmallocAttributes.Alloc) != 0 ? AllocFlag : 0) | ((flags & VmallocAttributes.AllowHugeVmap) != 0 ? HugeVmapFlag : 0));
}

/// <summary>
/// A page of the list of groups (struct kho_vmalloc_chunk): u64 physical address of the next chunk at 0, then 511 u64 addresses of groups,
/// ended by a zero unless the chunk is full.
/// </summary>
public static class VmallocChunk
{
    /// <summary>Addresses in a chunk.</summary>
    public const int Entries = PageGeometry.Words - 1;

    /// <summary>The word of a page that holds an entry.</summary>
    /// <param name="entry">0 to 510.</param>
    /// <returns>The word, 1 to 511; word 0 is the address of the next chunk.</returns>
    public static int WordOf(int entry) => entry + 1;
}
