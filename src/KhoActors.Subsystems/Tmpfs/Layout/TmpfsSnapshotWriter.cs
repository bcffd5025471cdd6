using System.Buffers.Binary;
using System.Runtime.InteropServices;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>
/// Serializes one mounted tmpfs as tmpfs-kho-v1: <see cref="Plan"/> counts the pages, the caller finds that many, <see cref="Write"/> fills them.
/// Between the two the file system must not change, and bytes behind the end of files are zero already. What is written is a function of content
/// and page addresses. Pages are used in this order: super, inode pages, nodes of the inode table, then for each inode by number its directory
/// pages and the nodes of its map, a node before what lies below it.
/// </summary>
public sealed class TmpfsSnapshotWriter
{
    private readonly List<TmpfsInode> _inodes = [];
    private readonly List<MapLeaf> _leaves = [];
    private TmpfsInode _root = null!;
    private OwnedMemory _memory = null!;
    private IReadOnlyList<ulong> _metaPages = [];
    private int _firstMetaPage;
    private int _metaPagesUsed;
    private ulong _extraLinks;
    private int _inodePages;

    /// <summary>Pages of the format that a snapshot needs: super, inode, map and directory pages.</summary>
    public int MetaPages { get; private set; }

    /// <summary>Pages of files and of long symbolic links.</summary>
    public int DataPages { get; private set; }

    /// <summary>Extended attributes of the inodes, which are not handed over.</summary>
    public int ExtendedAttributes { get; private set; }

    /// <summary>Counts the pages. Inodes without a link live only because they are open: they are left out.</summary>
    /// <param name="root">The root directory.</param>
    /// <param name="inodes">All inodes, ascending by number.</param>
    public void Plan(TmpfsInode root, IReadOnlyList<TmpfsInode> inodes)
    {
        _root = root;
        _inodes.Clear();
        for (int i = 0; i < inodes.Count; i++)
        {
            if (inodes[i].LinkCount != 0)
            {
                _inodes.Add(inodes[i]);
            }
        }

        _inodePages = (_inodes.Count + InodeRecord.PerPage - 1) / InodeRecord.PerPage;
        MetaPages = 1 + _inodePages + (int)PageMap.NodesOfDense((ulong)_inodePages);
        DataPages = 0;
        ExtendedAttributes = 0;
        _extraLinks = 0;
        foreach (TmpfsInode inode in _inodes)
        {
            ExtendedAttributes += inode.ExtendedAttributes;
            if (inode.IsDirectory)
            {
                ulong pages = PagesOf(DirectoryStream.LengthOf(inode));
                MetaPages += (int)(pages + PageMap.NodesOfDense(pages));
            }
            else
            {
                DataPages += inode.Pages.Count;
                MetaPages += (int)PageMap.NodesOf(inode.Pages);
                _extraLinks += inode.LinkCount - 1;
            }
        }
    }

    /// <summary>Lists the pages of files and of long symbolic links, by inode number and place.</summary>
    /// <param name="pages">Receives their physical addresses.</param>
    public void ListDataPages(List<ulong> pages)
    {
        foreach (TmpfsInode inode in _inodes)
        {
            for (int i = 0; i < inode.Pages.Count; i++)
            {
                pages.Add(inode.Pages[i].Phys);
            }
        }
    }

    /// <summary>Fills the pages; the super page, with its checksum, comes last.</summary>
    /// <param name="memory">RAM, as the owner of all these pages may touch it.</param>
    /// <param name="metaPages">Addresses of zeroed pages.</param>
    /// <param name="first">Index of the first of <see cref="MetaPages"/> of them.</param>
    /// <param name="super">Name, uuid, limits, next inode number, options, time; the rest is computed.</param>
    public void Write(OwnedMemory memory, IReadOnlyList<ulong> metaPages, int first, SuperBlock super)
    {
        _memory = memory;
        _metaPages = metaPages;
        _firstMetaPage = first;
        _metaPagesUsed = 0;
        ulong superPhys = NextMetaPage();
        WriteInodeTable(out ulong tablePhys, out int tableDepth);
        if (_metaPagesUsed != MetaPages)
        {
            throw new InvalidOperationException($"the snapshot of {super.Name} used {_metaPagesUsed} pages, {MetaPages} were counted: it changed meanwhile");
        }

        SuperBlock computed = super with
        {
            UsedBlocks = (ulong)DataPages,
            UsedInodeSpace = LayoutRules.InodeSpaceBytes * ((ulong)_inodes.Count + _extraLinks),
            Inodes = (ulong)_inodes.Count,
            DataPages = (ulong)DataPages,
            MetaPages = (ulong)MetaPages,
            RootNumber = _root.Number,
            InodeMapPhys = tablePhys,
            InodeMapDepth = tableDepth,
        };
        SuperPage.Write(BytesOf(superPhys), computed);
    }

    private static ulong PagesOf(ulong bytes) => (bytes + LayoutRules.PageBytes - 1) / LayoutRules.PageBytes;

    private ulong NextMetaPage() => _metaPages[_firstMetaPage + _metaPagesUsed++];

    private Span<byte> BytesOf(ulong phys) => _memory.WritablePageBytes(PageGeometry.PfnOf(phys));

    private void WriteInodeTable(out ulong tablePhys, out int tableDepth)
    {
        int firstPage = _firstMetaPage + _metaPagesUsed;
        _leaves.Clear();
        for (int page = 0; page < _inodePages; page++)
        {
            _leaves.Add(new MapLeaf((ulong)page, NextMetaPage()));
        }

        tablePhys = WriteMap(out tableDepth);
        for (int i = 0; i < _inodes.Count; i++)
        {
            Span<byte> page = BytesOf(_metaPages[firstPage + (i / InodeRecord.PerPage)]);
            WriteInode(page.Slice(i % InodeRecord.PerPage * InodeRecord.Bytes, InodeRecord.Bytes), _inodes[i]);
        }
    }

    private void WriteInode(Span<byte> record, TmpfsInode inode)
    {
        InodeRecord fields = new() { SizeBytes = inode.SizeBytes, ParentNumber = inode.Parent?.Number ?? 0 };
        _leaves.Clear();
        if (inode.IsDirectory)
        {
            WriteDirectory(inode, ref fields);
        }
        else
        {
            for (int i = 0; i < inode.Pages.Count; i++)
            {
                TmpfsPage page = inode.Pages[i];
                _leaves.Add(new MapLeaf(page.Index, page.Phys | (page.IsUpToDate ? PageMap.UpToDate : 0)));
            }
        }

        fields.Pages = (ulong)_leaves.Count;
        fields.MapPhys = WriteMap(out fields.MapDepth);
        fields.Write(record, inode);
    }

    private void WriteDirectory(TmpfsInode directory, ref InodeRecord fields)
    {
        LayoutCrc crc = default;
        ulong end = 0;
        Span<byte> page = default;
        foreach (TmpfsDirectoryEntry entry in directory.Entries)
        {
            int bytes = DirectoryStream.RecordBytes(entry.Name.Length);
            ulong place = DirectoryStream.PlaceOf(end, bytes);
            if ((place & (LayoutRules.PageBytes - 1)) == 0)
            {
                crc.Add(page);
                ulong phys = NextMetaPage();
                page = BytesOf(phys);
                _leaves.Add(new MapLeaf((ulong)_leaves.Count, phys | PageMap.UpToDate));
            }

            DirectoryStream.Write(page.Slice((int)(place & (LayoutRules.PageBytes - 1)), bytes), entry);
            end = place + (ulong)bytes;
        }

        // The stream ends with its last record, not with the page.
        int used = (int)(end - ((ulong)Math.Max(_leaves.Count - 1, 0) * LayoutRules.PageBytes));
        crc.Add(page[..used]);
        fields.SizeBytes = end;
        fields.DataCrc = crc.Value;
    }

    /// <summary>Writes the nodes above the leaves that are gathered.</summary>
    private ulong WriteMap(out int depth)
    {
        depth = _leaves.Count == 0 ? 0 : PageMap.DepthOf(_leaves[^1].Index);
        return _leaves.Count == 0 ? 0 : WriteMap(CollectionsMarshal.AsSpan(_leaves), depth);
    }

    private ulong WriteMap(ReadOnlySpan<MapLeaf> leaves, int depth)
    {
        if (depth == 0)
        {
            return leaves[0].Value;
        }

        ulong phys = NextMetaPage();
        while (!leaves.IsEmpty)
        {
            int digit = PageMap.DigitOf(leaves[0].Index, depth);
            int count = 1;
            while (count < leaves.Length && PageMap.DigitOf(leaves[count].Index, depth) == digit)
            {
                count++;
            }

            ulong below = WriteMap(leaves[..count], depth - 1);
            BinaryPrimitives.WriteUInt64LittleEndian(BytesOf(phys)[(digit * sizeof(ulong))..], below);
            leaves = leaves[count..];
        }

        return phys;
    }
}
