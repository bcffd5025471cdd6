using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Conformance;

/// <summary>Walks the captured tree of preserved blocks and builds it again from what was found.</summary>
internal static class TrackerCheck
{
    private const ulong RebuiltTreePhys = 1UL << 40;

    /// <summary>Checks the tracker of a generation.</summary>
    /// <returns>The result, or null when nothing was saved.</returns>
    public static CaseResult? Run(CaptureGeneration generation)
    {
        if (HandoverMaterial.Load(generation) is not { } material)
        {
            return null;
        }

        string name = $"{generation.Name} tracker";
        if (material.Abi.Tracker != TrackerKind.Radix)
        {
            return CaseResult.Skip(name, "the tracker of kho-v1 is not simulated yet");
        }

        Differences differences = new();
        TreeWalk written = Walk(material, material.AsWritten);
        TreeWalk received = material.IsDamaged ? Walk(material, material.AsReceived) : written;
        IReadOnlyList<CaptureBlock> recorded = generation.ReadBlocks();
        if (!recorded.SequenceEqual(received.Blocks))
        {
            // The walk of case.json was made just before the damage when the damaged tree could not be walked any more.
            differences.Lists("blocks", recorded, written.Blocks);
        }

        bool saved = RootFdtView.Read(material.RootPage(material.AsWritten)).MapPhys is { } root && material.Pages.Holds(root);
        if (material.IsDamaged && !saved)
        {
            return differences.Result(name, "the damage kept the tree from being saved");
        }

        if (written.Oops.Length > 0)
        {
            differences.Add($"walk of the tree as written: {written.Oops}");
            return differences.Result(name);
        }

        ComparePages(material, written, received, differences);
        int empty = CompareShape(material, written, differences);
        return differences.Result(name, empty == 0 ? string.Empty : $"{empty} nodes of the captured tree are empty: their blocks were unpreserved");
    }

    /// <summary>Walks the tree that a root FDT names. Pages that were not saved count as outside RAM: they would be read as empty.</summary>
    public static TreeWalk Walk(CapturePages pages, PhysicalMemory memory, RootFdtView rootFdt)
    {
        if (rootFdt.MapPhys is not ({ } root and not 0))
        {
            return new TreeWalk([], [], "the root FDT names no tree");
        }

        return TreeWalk.Of(TrackedBlocks.Read(memory, root, pfn => pages.Holds(PageGeometry.PhysOf(pfn))));
    }

    private static TreeWalk Walk(HandoverMaterial material, PhysicalMemory memory) =>
        Walk(material.Pages, memory, RootFdtView.Read(material.RootPage(memory)));

    /// <summary>Exactly the pages of the tree were saved as such, each with its level.</summary>
    private static void ComparePages(HandoverMaterial material, TreeWalk written, TreeWalk received, Differences differences)
    {
        HashSet<(ulong Phys, int Level)> nodes = [.. written.Nodes, .. received.Nodes];
        foreach (CapturePage page in material.Pages.Pages)
        {
            foreach (string role in page.Roles.Where(role => role.StartsWith("radix-l", StringComparison.Ordinal)))
            {
                if (!int.TryParse(role.AsSpan("radix-l".Length), out int level) || !nodes.Contains((page.Phys, level)))
                {
                    differences.Add($"page 0x{page.Phys:x} was saved as {role}, but the walk does not enter it there");
                }
            }
        }
    }

    /// <summary>Builds the tree from the blocks alone. Returns how many nodes of the captured tree hold nothing.</summary>
    private static int CompareShape(HandoverMaterial material, TreeWalk written, Differences differences)
    {
        PhysicalMemory memory = new();
        BumpPages pages = new(memory, RebuiltTreePhys);
        RadixTree tree = RadixTree.Create(memory, pages)!;
        foreach (CaptureBlock block in written.Blocks)
        {
            tree.Track(PageGeometry.PfnOf(block.Phys), block.Order);
        }

        TreeWalk rebuilt = TreeWalk.Of(TrackedBlocks.Read(memory, tree.MapPhys, _ => true));
        differences.Lists("blocks of the rebuilt tree", written.Blocks, rebuilt.Blocks);
        if (written.Nodes.Count > 0)
        {
            CompareNode(material.AsWritten, written.Nodes[0].Phys, memory, tree.MapPhys, RadixKey.RootLevel, differences);
        }

        return written.Nodes.Count - rebuilt.Nodes.Count;
    }

    /// <summary>The same entries at the same places. A captured entry that ours lacks must lead to nothing: the kernel frees no node when blocks go.</summary>
    private static void CompareNode(PhysicalMemory captured, ulong capturedPhys, PhysicalMemory rebuilt, ulong rebuiltPhys, int level, Differences differences)
    {
        for (int i = 0; i < PageGeometry.Words && differences.None; i++)
        {
            ulong theirs = captured.ReadUInt64(capturedPhys + ((ulong)i << 3));
            ulong ours = rebuiltPhys == 0 ? 0 : rebuilt.ReadUInt64(rebuiltPhys + ((ulong)i << 3));
            if (level == 0)
            {
                differences.Hex($"word {i} of leaf 0x{capturedPhys:x}", theirs, ours);
            }
            else if (theirs != 0)
            {
                CompareNode(captured, theirs, rebuilt, ours, level - 1, differences);
            }
            else if (ours != 0)
            {
                differences.Add($"entry {i} of table 0x{capturedPhys:x} at level {level} is empty, but blocks lie below it");
            }
        }
    }

    /// <summary>What a walk found; <paramref name="Oops"/> is how the kernel would have died, or empty.</summary>
    public sealed record TreeWalk(List<CaptureBlock> Blocks, IReadOnlyList<(ulong Phys, int Level)> Nodes, string Oops)
    {
        public static TreeWalk Of(TrackedBlocks read) => new(CaptureBlock.Of(read.Blocks), read.Pages, read.Damage);
    }

    /// <summary>Pages one after the other; none is ever given back.</summary>
    private sealed class BumpPages(PhysicalMemory memory, ulong startPhys) : IPageSource
    {
        private ulong _next = startPhys;

        public ulong AllocateZeroedPage()
        {
            ulong phys = _next;
            _next += PageGeometry.SizeBytes;
            memory.ZeroPage(PageGeometry.PfnOf(phys));
            return phys;
        }

        public void FreePage(ulong phys)
        {
        }
    }
}
