using System.Runtime.InteropServices;
using System.Text;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>
/// Reads one handed-over mount and checks all that can be checked before anything is claimed. What it reads is hostile: every page must be
/// one that the previous kernel preserved by itself, and is used once, so the work is bounded by the pages that there are. Changes nothing.
/// </summary>
/// <param name="memory">RAM.</param>
public sealed partial class TmpfsSnapshotReader(PhysicalMemory memory)
{
    private readonly List<MapLeaf> _leaves = [];
    private readonly List<InodeRecord> _records = [];
    private readonly HashSet<ulong> _used = [];
    private Func<ulong, bool> _isHandedOver = _ => false;
    private TmpfsSnapshot _snapshot = null!;
    private ulong _anchorPhys;
    private uint _pagesMax;
    private string? _problem;

    private enum LeafUse
    {
        InodeTable,
        Directory,
        Data,
    }

    /// <summary>Reads a mount.</summary>
    /// <param name="slot">Its slot in the anchor.</param>
    /// <param name="anchorPhys">The anchor, which no mount may use.</param>
    /// <param name="isHandedOver">Whether the page at an address was preserved as a page by itself and is still unclaimed.</param>
    /// <param name="problem">The check that failed and where; empty when none did.</param>
    /// <returns>The mount, or null: -EUCLEAN.</returns>
    public TmpfsSnapshot? Read(in MountSlot slot, ulong anchorPhys, Func<ulong, bool> isHandedOver, out string problem)
    {
        _isHandedOver = isHandedOver;
        _anchorPhys = anchorPhys;
        _pagesMax = slot.Pages;
        _problem = null;
        _used.Clear();
        bool isSound = ReadSuper(slot) && ReadInodes() && ReadMaps() && CheckTree() && CheckSums();
        problem = isSound ? string.Empty : _problem ?? "unknown";
        return isSound ? _snapshot : null;
    }

    private bool Fail(string problem)
    {
        _problem ??= problem;
        return false;
    }

    private bool Fail(string problem, TmpfsInode inode) => Fail($"inode {inode.Number}: {problem}");

    private bool ReadSuper(in MountSlot slot)
    {
        _snapshot = null!;
        if (!TakePage(slot.SuperPhys))
        {
            return false;
        }

        SuperBlock? super = SuperPage.Read(BytesOf(slot.SuperPhys), slot, out string? problem);
        if (super is null)
        {
            return Fail(problem!);
        }

        _snapshot = new TmpfsSnapshot(super);
        _snapshot.MetaPages.Add(slot.SuperPhys);
        return true;
    }

    /// <summary>Checks that a page may be used, and uses it up.</summary>
    private bool TakePage(ulong phys)
    {
        return !LayoutRules.IsPagePointer(phys) ? Fail($"pointer {phys:x}")
            : phys == _anchorPhys || !_isHandedOver(phys) ? Fail($"page {phys:x} was not handed over")
            : !_used.Add(phys) ? Fail($"page {phys:x} is used twice")
            : (uint)_used.Count <= _pagesMax || Fail("more pages than nr_pages");
    }

    /// <summary>The bytes of a page, in place; a page that was never written has none, and its background is copied.</summary>
    private ReadOnlySpan<byte> BytesOf(ulong phys) => MemoryMarshal.AsBytes(WordsOf(phys));

    private ReadOnlySpan<ulong> WordsOf(ulong phys)
    {
        if (memory.WrittenPage(PageGeometry.PfnOf(phys)) is { } words)
        {
            return words;
        }

        ulong[] copy = new ulong[PageMap.Entries];
        memory.Read(phys, MemoryMarshal.AsBytes(copy.AsSpan()));
        return copy;
    }

    /// <summary>Reads a page map: its leaves, ascending, are gathered, and its nodes and leaves used up.</summary>
    private bool ReadMap(ulong phys, int depth, LeafUse use)
    {
        _leaves.Clear();
        if (phys == 0)
        {
            return depth == 0 || Fail("map without an address");
        }

        bool isSound = depth == 0 ? ReadLeaf(0, phys, use) : ReadNode(phys, depth, 0, use);
        return isSound && (PageMap.DepthOf(_leaves[^1].Index) == depth || Fail("map is too deep"));
    }

    private bool ReadNode(ulong phys, int depth, ulong firstIndex, LeafUse use)
    {
        if (!TakePage(phys))
        {
            return false;
        }

        _snapshot.MetaPages.Add(phys);
        ReadOnlySpan<ulong> node = WordsOf(phys);
        int leavesBefore = _leaves.Count;
        for (int digit = 0; node[digit..].IndexOfAnyExcept(0UL) is >= 0 and var skipped; digit++)
        {
            digit += skipped;
            ulong below = node[digit];
            ulong index = firstIndex | ((ulong)digit << (PageMap.DigitBits * (depth - 1)));
            if (!(depth == 1 ? ReadLeaf(index, below, use) : ReadNode(below, depth - 1, index, use)))
            {
                return false;
            }
        }

        return _leaves.Count != leavesBefore || Fail($"map node {phys:x} is empty");
    }

    private bool ReadLeaf(ulong index, ulong value, LeafUse use)
    {
        ulong flags = value & PageMap.FlagBits;
        ulong phys = value & ~PageMap.FlagBits;
        bool flagsAreSound = use switch
        {
            LeafUse.InodeTable => flags == 0,
            LeafUse.Directory => flags == PageMap.UpToDate,
            _ => (flags & ~PageMap.UpToDate) == 0,
        };
        if (!flagsAreSound || index > LayoutRules.FileSizeMax / LayoutRules.PageBytes)
        {
            return Fail($"map entry {value:x}");
        }

        if (!TakePage(phys))
        {
            return false;
        }

        (use == LeafUse.Data ? _snapshot.DataPages : _snapshot.MetaPages).Add(phys);
        _leaves.Add(new MapLeaf(index, value));
        return true;
    }

    private bool ReadInodes()
    {
        SuperBlock super = _snapshot.Super;
        _records.Clear();
        ulong inodesMax = Math.Min(super.MetaPages * InodeRecord.PerPage, int.MaxValue - InodeRecord.PerPage);
        if (super.Inodes == 0 || super.Inodes > inodesMax || !ReadMap(super.InodeMapPhys, super.InodeMapDepth, LeafUse.InodeTable))
        {
            return Fail("inode table");
        }

        int inodes = (int)super.Inodes;
        if (_leaves.Count != (inodes + InodeRecord.PerPage - 1) / InodeRecord.PerPage || _leaves[^1].Index != (ulong)_leaves.Count - 1)
        {
            return Fail("inode table has holes");
        }

        for (int page = 0; page < _leaves.Count; page++)
        {
            if (!ReadInodePage(BytesOf(_leaves[page].Value), inodes - (page * InodeRecord.PerPage)))
            {
                return false;
            }
        }

        List<TmpfsInode> all = _snapshot.Inodes;
        int root = IndexOf(super.RootNumber);
        if (root < 0 || !all[root].IsDirectory || super.NextNumber <= all[^1].Number)
        {
            return Fail("root_ino or next_ino");
        }

        _snapshot.Root = all[root];
        return true;
    }

    private bool ReadInodePage(ReadOnlySpan<byte> page, int inodesLeft)
    {
        List<TmpfsInode> all = _snapshot.Inodes;
        for (int i = 0; i < InodeRecord.PerPage; i++)
        {
            ReadOnlySpan<byte> bytes = page.Slice(i * InodeRecord.Bytes, InodeRecord.Bytes);
            if (i >= inodesLeft)
            {
                if (!InodeRecord.IsFree(bytes))
                {
                    return Fail("inode record behind the last");
                }

                continue;
            }

            TmpfsInode? inode = InodeRecord.Read(bytes, out InodeRecord fields, out string? problem);
            if (inode is null)
            {
                return Fail($"inode record {all.Count}: {problem}");
            }

            if (all.Count != 0 && all[^1].Number >= inode.Number)
            {
                return Fail("inode numbers do not ascend", inode);
            }

            all.Add(inode);
            _records.Add(fields);
        }

        return true;
    }

    /// <summary>The position of an inode in the table, or a negative number.</summary>
    private int IndexOf(ulong number)
    {
        List<TmpfsInode> all = _snapshot.Inodes;
        int low = 0;
        int high = all.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            if (all[middle].Number == number)
            {
                return middle;
            }

            (low, high) = all[middle].Number < number ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }

    private bool ReadMaps()
    {
        for (int i = 0; i < _records.Count; i++)
        {
            TmpfsInode inode = _snapshot.Inodes[i];
            InodeRecord fields = _records[i];
            if (!ReadMap(fields.MapPhys, fields.MapDepth, inode.IsDirectory ? LeafUse.Directory : LeafUse.Data) || (ulong)_leaves.Count != fields.Pages)
            {
                return Fail("page map", inode);
            }

            if (!(inode.IsDirectory ? ReadDirectory(inode, fields) : ReadData(inode)))
            {
                return false;
            }
        }

        return true;
    }

    private bool ReadData(TmpfsInode inode)
    {
        foreach (MapLeaf leaf in _leaves)
        {
            inode.Pages.Set(new TmpfsPage(leaf.Index, leaf.Value & ~PageMap.FlagBits, (leaf.Value & PageMap.UpToDate) != 0));
        }

        int used = (int)(inode.SizeBytes & (LayoutRules.PageBytes - 1));
        if (used != 0 && inode.Pages.Find(inode.SizeBytes / LayoutRules.PageBytes, out int position) && inode.Pages[position].IsUpToDate
            && !LayoutRules.IsZero(BytesOf(inode.Pages[position].Phys)[used..]))
        {
            return Fail("bytes behind the end", inode);
        }

        return !inode.IsSymbolicLink || inode.Target is not null || ReadTarget(inode);
    }

    private bool ReadTarget(TmpfsInode link)
    {
        if (!link.Pages.Find(0, out int position) || !link.Pages[position].IsUpToDate)
        {
            return Fail("target", link);
        }

        ReadOnlySpan<byte> target = BytesOf(link.Pages[position].Phys)[..(int)link.SizeBytes];
        link.Target = Encoding.Latin1.GetString(target);
        return !target.Contains((byte)0) || Fail("target", link);
    }

    private bool CheckSums()
    {
        SuperBlock super = _snapshot.Super;
        ulong extraLinks = 0;
        foreach (TmpfsInode inode in _snapshot.Inodes)
        {
            extraLinks += inode.IsDirectory ? 0 : inode.LinkCount - 1;
        }

        return (ulong)_snapshot.MetaPages.Count != super.MetaPages ? Fail("nr_meta_pages")
            : (ulong)_snapshot.DataPages.Count != super.DataPages ? Fail("nr_data_pages")
            : super.UsedInodeSpace == LayoutRules.InodeSpaceBytes * (super.Inodes + extraLinks) || Fail("used_ispace");
    }
}
