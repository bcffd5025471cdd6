using System.Buffers.Binary;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Host.Reports.Machines;

/// <summary>What an anchor of tmpfs-kho-v1 in RAM leads to.</summary>
/// <param name="AnchorPhys">The anchor's address.</param>
/// <param name="Reading">What it turned out to be.</param>
/// <param name="State">Its state field, for an anchor of ours without a hand-over.</param>
/// <param name="Mounts">The mounts of a whole hand-over, by name.</param>
internal sealed record TmpfsHandOver(ulong AnchorPhys, AnchorReading Reading, AnchorState State, IReadOnlyList<TmpfsHandOver.Mount> Mounts)
{
    /// <summary>Reads the anchor that a kernel received. A mount can be read as long as nobody took it over.</summary>
    /// <param name="generation">The kernel.</param>
    /// <returns>What it leads to, or null when there is none.</returns>
    public static TmpfsHandOver? Incoming(LiveGeneration generation) =>
        SubtreeBlob.Incoming(generation, AnchorPage.SubtreeName) is { } anchor
            ? Read(generation, anchor.Phys, IsWaiting, "its pages are this kernel's by now: mounted, passed on, or discarded")
            : null;

    /// <summary>Reads the anchor that a kernel hands over. It leads somewhere only while tmpfs is frozen.</summary>
    /// <param name="generation">The kernel.</param>
    /// <returns>What it leads to, or null when there is none.</returns>
    public static TmpfsHandOver? Outgoing(LiveGeneration generation)
    {
        if (SubtreeBlob.Outgoing(generation, AnchorPage.SubtreeName) is not { } anchor)
        {
            return null;
        }

        HashSet<ulong> pages = [.. generation.ReadTracker().Blocks.Where(static block => block.Order == 0).Select(static block => block.Phys)];
        return Read(generation, anchor.Phys, (_, phys) => pages.Contains(phys), "its super page is not preserved");
    }

    private static bool IsWaiting(LiveGeneration generation, ulong phys) => generation.Kernel.Kho.TryGetIncomingOrder(phys, out int order) && order == 0;

    private static TmpfsHandOver Read(LiveGeneration generation, ulong anchorPhys, Func<LiveGeneration, ulong, bool> isHandedOver, string withoutSuper)
    {
        byte[] page = new byte[PageGeometry.SizeBytes];
        generation.Kernel.Memory.Read(anchorPhys, page);
        List<MountSlot> slots = [];
        AnchorReading reading = AnchorPage.Read(page, slots);
        TmpfsSnapshotReader reader = new(generation.Kernel.Memory);
        List<Mount> mounts = [];
        foreach (MountSlot slot in slots)
        {
            string problem = withoutSuper;
            TmpfsSnapshot? snapshot = isHandedOver(generation, slot.SuperPhys)
                ? reader.Read(slot, anchorPhys, phys => isHandedOver(generation, phys), out problem)
                : null;
            mounts.Add(new Mount(slot, snapshot, problem));
        }

        AnchorState state = (AnchorState)BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan(AnchorPage.StateAt));
        return new TmpfsHandOver(anchorPhys, reading, state, mounts);
    }

    /// <summary>A mount.</summary>
    /// <param name="Slot">Its slot in the anchor.</param>
    /// <param name="Snapshot">What it holds, or null.</param>
    /// <param name="Problem">Why it cannot be read; empty when it can.</param>
    internal sealed record Mount(MountSlot Slot, TmpfsSnapshot? Snapshot, string Problem)
    {
        // PATH_MAX: nothing longer can be named by user space, and a hostile tree may be as deep as RAM is large.
        private const int PathLengthMax = 4096;

        /// <summary>The tree, each directory before what it holds, entries in the order of their creation.</summary>
        /// <returns>Paths, the root's is a slash, with inodes; a file with several links comes several times.</returns>
        public IEnumerable<(string Path, TmpfsInode Inode)> Walk()
        {
            if (Snapshot is null)
            {
                yield break;
            }

            Stack<(string Path, TmpfsInode Inode)> left = new([("/", Snapshot.Root)]);
            while (left.TryPop(out (string Path, TmpfsInode Inode) next))
            {
                yield return next;
                string parent = next.Path == "/" ? string.Empty : next.Path.Length < PathLengthMax ? next.Path : "...";
                foreach (TmpfsDirectoryEntry entry in next.Inode.Entries.Reverse())
                {
                    left.Push(($"{parent}/{entry.Name}", entry.Inode));
                }
            }
        }
    }
}
