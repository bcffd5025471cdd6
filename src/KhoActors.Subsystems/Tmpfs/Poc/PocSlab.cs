using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>
/// The crude slab of the proof of concept (simple_slab, mm/shmem.c): blocks of 2 MiB, cut into slots that a free list threads through their first
/// words as virtual addresses. The code steps a pointer to pointers by the slot's size, so slots are 8 * 16384 bytes apart and a block yields 16 of
/// them. Blocks are never returned.
/// </summary>
/// <param name="kernel">Gives the blocks.</param>
/// <param name="addresses">The direct map.</param>
internal sealed class PocSlab(ClientKernel kernel, PocAddresses addresses)
{
    /// <summary>Order of a block: 2 MiB.</summary>
    public const int BlockOrder = 9;

    /// <summary>Bytes of a block.</summary>
    public const ulong BlockBytes = (ulong)PageGeometry.SizeBytes << BlockOrder;

    /// <summary>Bytes from slot to slot.</summary>
    public const int StrideBytes = sizeof(ulong) * PocInode.SizeBytes;

    /// <summary>Slots in a block.</summary>
    public const int SlotsInBlock = (int)(BlockBytes / StrideBytes);

    private readonly byte[] _zeros = new byte[PocInode.SizeBytes];
    private readonly List<ulong> _blocks = [];

    /// <summary>Physical addresses of the blocks, oldest first.</summary>
    public IReadOnlyList<ulong> Blocks => _blocks;

    /// <summary>Virtual address of the first free slot; 0 for none.</summary>
    public ulong FirstFree { get; set; }

    /// <summary>Takes over a block that the kernel before handed over.</summary>
    /// <param name="phys">Its physical address.</param>
    public void AddBlock(ulong phys) => _blocks.Add(phys);

    /// <summary>Makes sure that the next <see cref="Allocate"/> finds a slot.</summary>
    /// <returns>False when memory is exhausted.</returns>
    public bool EnsureFree() => FirstFree != 0 || Grow();

    /// <summary>Takes the first free slot. Its content stays, down to the upper half of the pointer.</summary>
    /// <returns>Its virtual address, or 0 when memory is exhausted.</returns>
    /// <exception cref="SimulatedOopsException">The free list leaves RAM.</exception>
    public ulong Allocate()
    {
        if (!EnsureFree())
        {
            return 0;
        }

        ulong slot = FirstFree;
        FirstFree = kernel.Memory.ReadUInt64(addresses.Follow(slot, sizeof(ulong)));
        return slot;
    }

    /// <summary>Clears a slot and puts it in front of the free list, whether it is there already or not.</summary>
    /// <param name="slot">Its virtual address.</param>
    /// <exception cref="SimulatedOopsException">It lies outside RAM.</exception>
    /// <exception cref="PageOwnershipException">It is somebody else's memory.</exception>
    public void Free(ulong slot)
    {
        ulong phys = addresses.Follow(slot, PocInode.SizeBytes);
        kernel.Memory.Write(phys, _zeros);
        kernel.Memory.WriteUInt64(phys, FirstFree);
        FirstFree = slot;
    }

    private bool Grow()
    {
        ulong block = kernel.AllocatePages(BlockOrder, zero: true);
        if (block == 0)
        {
            return false;
        }

        _blocks.Add(block);
        for (int i = SlotsInBlock - 1; i >= 0; i--)
        {
            ulong slot = block + ((ulong)i * StrideBytes);
            kernel.Memory.WriteUInt64(slot, FirstFree);
            FirstFree = addresses.VirtualOf(slot);
        }

        return true;
    }
}
