using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// The four numbers that one kernel hands to the next (struct kho_data, arch/x86/include/uapi/asm/setup_data.h).
/// Nothing checks them before kho_populate does.
/// </summary>
/// <param name="FdtPhys">Physical address of the root FDT.</param>
/// <param name="FdtSizeBytes">Always 4096: a page, not the FDT's totalsize.</param>
/// <param name="ScratchPhys">Destination of the scratch array's segment.</param>
/// <param name="ScratchSizeBytes">16 bytes for each scratch area, not rounded.</param>
public readonly record struct KhoHandoff(ulong FdtPhys, ulong FdtSizeBytes, ulong ScratchPhys, ulong ScratchSizeBytes);

/// <summary>The header of a node in the x86 setup_data list.</summary>
/// <param name="Phys">Where the node starts.</param>
/// <param name="NextPhys">The next node, 0 at the end.</param>
/// <param name="Type">What it carries; <see cref="SetupData.KexecKhoType"/> is KHO.</param>
/// <param name="PayloadBytes">Bytes behind the header.</param>
public readonly record struct SetupDataNode(ulong Phys, ulong NextPhys, uint Type, uint PayloadBytes);

/// <summary>
/// The x86 setup_data list: 16 bytes of header (u64 next, u32 type, u32 len), then the payload, all little-endian
/// (arch/x86/kernel/kexec-bzimage64.c writes it, arch/x86/kernel/setup.c reads it).
/// </summary>
public static class SetupData
{
    /// <summary>SETUP_RNG_SEED: the node that the loader links in front of KHO's.</summary>
    public const uint RngSeedType = 9;

    /// <summary>SETUP_KEXEC_KHO.</summary>
    public const uint KexecKhoType = 10;

    /// <summary>Bytes of a node's header.</summary>
    public const int HeaderBytes = 16;

    /// <summary>Bytes of KHO's payload.</summary>
    public const int KhoPayloadBytes = 32;

    /// <summary>Bytes of KHO's whole node.</summary>
    public const int KhoNodeBytes = HeaderBytes + KhoPayloadBytes;

    /// <summary>Longest list that is followed. The kernel has no limit and would never leave a cycle.</summary>
    public const int NodesMax = 64;

    /// <summary>Writes KHO's node.</summary>
    /// <param name="memory">Simulated RAM.</param>
    /// <param name="phys">Where the node goes: 48 bytes, any alignment.</param>
    /// <param name="nextPhys">The node that was first in the list until now, 0 for none.</param>
    /// <param name="handoff">What to hand over.</param>
    public static void WriteKhoNode(PhysicalMemory memory, ulong phys, ulong nextPhys, in KhoHandoff handoff)
    {
        memory.WriteUInt64(phys, nextPhys);
        memory.WriteUInt64(phys + 8, KexecKhoType | ((ulong)KhoPayloadBytes << 32));
        memory.WriteUInt64(phys + 16, handoff.FdtPhys);
        memory.WriteUInt64(phys + 24, handoff.FdtSizeBytes);
        memory.WriteUInt64(phys + 32, handoff.ScratchPhys);
        memory.WriteUInt64(phys + 40, handoff.ScratchSizeBytes);
    }

    /// <summary>Reads the header of a node.</summary>
    /// <param name="memory">Simulated RAM.</param>
    /// <param name="phys">Where it starts.</param>
    /// <returns>The header.</returns>
    public static SetupDataNode ReadNode(PhysicalMemory memory, ulong phys) =>
        new(phys, memory.ReadUInt64(phys), memory.ReadUInt32(phys + 8), memory.ReadUInt32(phys + 12));

    /// <summary>Reads KHO's payload. Its length is not looked at, as the kernel does not.</summary>
    /// <param name="memory">Simulated RAM.</param>
    /// <param name="phys">Where the node starts.</param>
    /// <returns>The four numbers.</returns>
    public static KhoHandoff ReadKhoPayload(PhysicalMemory memory, ulong phys) => new(
        memory.ReadUInt64(phys + 16), memory.ReadUInt64(phys + 24), memory.ReadUInt64(phys + 32), memory.ReadUInt64(phys + 40));

    /// <summary>Walks the list from its head.</summary>
    /// <param name="memory">Simulated RAM.</param>
    /// <param name="headPhys">First node, 0 for an empty list.</param>
    /// <param name="nodes">Receives the nodes in list order; at most <see cref="NodesMax"/>.</param>
    /// <returns>0; -EINVAL when the list has a cycle, is longer than <see cref="NodesMax"/> or leaves the address space.</returns>
    public static int Walk(PhysicalMemory memory, ulong headPhys, ICollection<SetupDataNode> nodes)
    {
        int count = 0;
        for (ulong phys = headPhys; phys != 0;)
        {
            if (!MayFollow(count++, phys))
            {
                return -Errno.EINVAL;
            }

            SetupDataNode node = ReadNode(memory, phys);
            nodes.Add(node);
            phys = node.NextPhys;
        }

        return 0;
    }

    /// <summary>Finds KHO's node in the list.</summary>
    /// <param name="memory">Simulated RAM.</param>
    /// <param name="headPhys">First node, 0 for an empty list.</param>
    /// <param name="handoff">What it hands over.</param>
    /// <returns>0; -ENOENT when the list has none; -EINVAL as <see cref="Walk"/>.</returns>
    public static int FindKho(PhysicalMemory memory, ulong headPhys, out KhoHandoff handoff)
    {
        handoff = default;
        int count = 0;
        for (ulong phys = headPhys; phys != 0;)
        {
            if (!MayFollow(count++, phys))
            {
                return -Errno.EINVAL;
            }

            SetupDataNode node = ReadNode(memory, phys);
            if (node.Type == KexecKhoType)
            {
                handoff = ReadKhoPayload(memory, phys);
                return 0;
            }

            phys = node.NextPhys;
        }

        return -Errno.ENOENT;
    }

    /// <summary>A cycle needs no marks to be found: it makes the list longer than any real one.</summary>
    private static bool MayFollow(int nodesSeen, ulong phys) =>
        nodesSeen < NodesMax && phys <= (1UL << PageGeometry.PhysicalAddressBits) - KhoNodeBytes;
}
