using System.Buffers.Binary;
using System.Text;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>
/// The judge's own reader of tmpfs-kho-v1 (docs/abi.md): offsets are written down here once more, and nothing of what it judges is used. It reads
/// what our own kernel has just finished, so whatever is wrong is a violation: T1 (in part) to T5, T8, T14.
/// </summary>
internal sealed class TmpfsImageReader
{
    private const int PageBytes = 4096;
    private const int InodeBytes = 256;
    private const int InodesPerPage = PageBytes / InodeBytes;
    private const int LimitPages = 1 << 22;
    private readonly PhysicalMemory _memory;
    private readonly Action<string, string> _report;
    private readonly ICSharpCode.SharpZipLib.Checksum.Crc32 _crc = new();
    private readonly SortedSet<ulong> _pages = [];
    private readonly byte[] _buffer = new byte[PageBytes];
    private bool _isSound;

    public TmpfsImageReader(PhysicalMemory memory, Action<string, string> report)
    {
        _memory = memory;
        _report = report;
    }

    /// <summary>Every page that the anchor leads to, itself included, by address.</summary>
    public IReadOnlyCollection<ulong> Pages => _pages;

    /// <summary>Reads an anchor that is COMPLETE.</summary>
    /// <param name="anchor">Its address.</param>
    /// <returns>The image, or null when it is not sound: that was reported.</returns>
    public TmpfsImage? Read(ulong anchor)
    {
        _isSound = true;
        _pages.Clear();
        Span<byte> page = stackalloc byte[PageBytes];
        Take(anchor, page);
        Require(page[..8].SequenceEqual("TMPFSKHO"u8), InvariantCatalog.TmpfsChecksums, "the anchor's magic is wrong");
        Require(Text(page[8..32]) == "tmpfs-kho-v1", InvariantCatalog.TmpfsChecksums, "the anchor's compatible string is wrong");
        Require(Checksum(page, 0x2C), InvariantCatalog.TmpfsChecksums, "the anchor's checksum is wrong");
        int mounts = (int)Math.Min(Word(page, 0x28), 63);
        List<TmpfsImageMount> read = [];
        for (int i = 0; i < mounts && _isSound; i++)
        {
            ReadOnlySpan<byte> slot = page.Slice(0x40 + (i * 64), 64);
            int before = _pages.Count;
            TmpfsImageMount? mount = ReadMount(Long(slot, 48), Text(slot[..48]));
            if (mount is not null)
            {
                read.Add(mount);
                mount.PageCount = (ulong)(_pages.Count - before);
                Equal((ulong)(_pages.Count - before), Word(slot, 60), InvariantCatalog.TmpfsSums, $"pages of '{mount.Name}' in its slot");
            }
        }

        Equal((ulong)_pages.Count, Long(page, 0x38), InvariantCatalog.TmpfsSums, "total_pages of the anchor");
        return _isSound ? new TmpfsImage(Long(page, 0x30), read) : null;
    }

    private TmpfsImageMount? ReadMount(ulong super, string name)
    {
        Span<byte> page = stackalloc byte[PageBytes];
        Take(super, page);
        Require(page[..8].SequenceEqual("TKSUPER1"u8) && Checksum(page, 0xBC), InvariantCatalog.TmpfsChecksums, $"the super page of '{name}' is damaged");
        Require(Text(page[8..56]) == name, InvariantCatalog.TmpfsSums, $"the super page of '{name}' has another name");
        if (!_isSound)
        {
            return null;
        }

        TmpfsImageMount mount = new()
        {
            Name = name, Carried = Word(page, 0xAC), MaxBlocks = Long(page, 0x48), MaxInodes = Long(page, 0x50), RootNumber = Long(page, 0x80),
        };
        int before = _pages.Count - 1;
        List<(ulong Index, ulong Entry)> table = [];
        ReadMap(Long(page, 0x90), page[0x98], 0, table);
        ulong inodes = Long(page, 0x68);
        foreach ((ulong index, ulong entry) in table)
        {
            ReadInodes(entry, index, inodes, mount);
        }

        ulong dataPages = (ulong)mount.Inodes.Sum(static inode => inode.IsDirectory ? 0L : inode.Pages.Count);
        ulong all = (ulong)(_pages.Count - before);
        Equal((ulong)mount.Inodes.Count, inodes, InvariantCatalog.TmpfsSums, $"nr_inodes of '{name}'");
        Equal(dataPages, Long(page, 0x70), InvariantCatalog.TmpfsSums, $"nr_data_pages of '{name}'");
        Equal(all - dataPages, Long(page, 0x78), InvariantCatalog.TmpfsSums, $"nr_meta_pages of '{name}'");
        Equal(dataPages, Long(page, 0x58), InvariantCatalog.TmpfsSums, $"used_blocks of '{name}'");
        ulong extraLinks = (ulong)mount.Inodes.Sum(static inode => inode.IsDirectory ? 0L : inode.Links - 1);
        ulong inodeSpace = 1024 * ((ulong)mount.Inodes.Count + extraLinks);
        Equal(inodeSpace, Long(page, 0x60), InvariantCatalog.TmpfsSums, $"used_ispace of '{name}'");
        Require(mount.MaxBlocks == 0 || dataPages <= mount.MaxBlocks, InvariantCatalog.TmpfsLimits, $"'{name}' uses {dataPages} of {mount.MaxBlocks} blocks");
        Require(
            mount.MaxInodes == 0 || inodeSpace <= mount.MaxInodes * 1024,
            InvariantCatalog.TmpfsLimits,
            $"'{name}' uses {inodeSpace} bytes of inode space, its limit is {mount.MaxInodes} inodes");
        JudgeTree(mount);
        return mount;
    }

    private void ReadInodes(ulong phys, ulong tableIndex, ulong inodes, TmpfsImageMount mount)
    {
        Span<byte> page = stackalloc byte[PageBytes];
        Take(phys, page);
        for (int i = 0; i < InodesPerPage && _isSound; i++)
        {
            Span<byte> record = page.Slice(i * InodeBytes, InodeBytes);
            if ((tableIndex * InodesPerPage) + (ulong)i < inodes)
            {
                ReadInode(record, mount);
            }
            else
            {
                Require(record.IndexOfAnyExcept((byte)0) < 0, InvariantCatalog.TmpfsSums, $"an unused inode record of '{mount.Name}' is not zero");
            }
        }
    }

    private void ReadInode(Span<byte> record, TmpfsImageMount mount)
    {
        TmpfsImageInode inode = new()
        {
            Number = Long(record, 0), Mode = Word(record, 8), Links = Word(record, 0x0C), Uid = Word(record, 0x10), Gid = Word(record, 0x14),
            SizeBytes = Long(record, 0x18), Flags = Word(record, 0x5C), DeviceNumber = Word(record, 0x60), ParentNumber = Long(record, 0x70),
        };
        string name = $"inode {inode.Number} of '{mount.Name}'";
        Require(Checksum(record, 0x78), InvariantCatalog.TmpfsChecksums, $"the record of {name} is damaged");
        bool ascends = mount.Inodes.Count == 0 || mount.Inodes[^1].Number < inode.Number;
        Require(inode.Number != 0 && ascends, InvariantCatalog.TmpfsTree, $"the record of {name} is out of order");
        List<(ulong Index, ulong Entry)> leaves = [];
        ReadMap(Long(record, 0x68), record[0x64], 0, leaves);
        Equal((ulong)leaves.Count, Long(record, 0x20), InvariantCatalog.TmpfsSums, $"nr_pages of {name}");
        foreach ((ulong index, ulong entry) in leaves)
        {
            inode.Pages.Add((index, entry & ~0xFFFUL, (entry & 1) != 0));
            TakeUnread(entry & ~0xFFFUL);
        }

        if (inode.IsSymbolicLink)
        {
            inode.Target = (record[0x65] & 1) != 0 ? Encoding.Latin1.GetString(record.Slice(0x80, record[0x66])) : ReadTarget(inode);
        }
        else if (inode.IsDirectory && _isSound)
        {
            ReadDirectory(inode, Word(record, 0x7C), name);
        }

        mount.Inodes.Add(inode);
    }

    private string ReadTarget(TmpfsImageInode inode)
    {
        if (inode.Pages.Count != 1 || inode.SizeBytes > PageBytes)
        {
            Require(false, InvariantCatalog.TmpfsSums, $"symbolic link {inode.Number} has {inode.Pages.Count} pages and {inode.SizeBytes} bytes");
            return string.Empty;
        }

        _memory.Read(inode.Pages[0].Phys, _buffer);
        return Encoding.Latin1.GetString(_buffer.AsSpan(0, (int)inode.SizeBytes));
    }

    private void ReadDirectory(TmpfsImageInode directory, uint checksum, string name)
    {
        _crc.Reset();
        for (int i = 0; i < directory.Pages.Count; i++)
        {
            Require(directory.Pages[i].Index == (ulong)i, InvariantCatalog.TmpfsTree, $"the stream of {name} has a hole");
            _memory.Read(directory.Pages[i].Phys, _buffer);
            int bytes = (int)Math.Min(PageBytes, directory.SizeBytes - Math.Min(directory.SizeBytes, (ulong)i * PageBytes));
            _crc.Update(new ArraySegment<byte>(_buffer, 0, bytes));
            ReadEntries(directory, _buffer.AsSpan(0, bytes), name);
        }

        Require((uint)_crc.Value == (directory.SizeBytes == 0 ? 0 : checksum), InvariantCatalog.TmpfsChecksums, $"the stream of {name} is damaged");
    }

    private void ReadEntries(TmpfsImageInode directory, ReadOnlySpan<byte> page, string name)
    {
        for (int at = 0; at + 12 <= page.Length;)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(page[(at + 8)..]);
            if (length == 0)
            {
                return;
            }

            int nameLength = page[at + 10];
            bool fits = length == ((12 + nameLength + 7) & ~7) && at + 12 + nameLength <= page.Length && nameLength > 0;
            Require(fits, InvariantCatalog.TmpfsTree, $"an entry of {name} has length {length} and a name of {nameLength} bytes");
            if (!fits)
            {
                return;
            }

            directory.Entries.Add((Encoding.Latin1.GetString(page.Slice(at + 12, nameLength)), Long(page, at), page[at + 11]));
            at += length;
        }
    }

    /// <summary>T3 and T4: every inode is reached from the root, as often as its links say.</summary>
    private void JudgeTree(TmpfsImageMount mount)
    {
        SortedDictionary<ulong, uint> named = [];
        int directories = 0;
        foreach (TmpfsImageInode directory in mount.Inodes)
        {
            uint subdirectories = 0;
            foreach ((string entry, ulong number, byte type) in directory.Entries)
            {
                TmpfsImageInode? target = mount.Find(number);
                Require(
                    target is not null && type == ((target.Mode >> 12) switch { 8 => 1, 4 => 2, 2 => 3, 6 => 4, 1 => 5, 12 => 6, 10 => 7, _ => 0 }),
                    InvariantCatalog.TmpfsTree,
                    $"entry '{entry}' of inode {directory.Number} names inode {number} as type {type}");
                named[number] = named.GetValueOrDefault(number) + 1;
                bool isDirectory = target is { IsDirectory: true };
                subdirectories += isDirectory ? 1u : 0;
                Require(
                    !isDirectory || target!.ParentNumber == directory.Number,
                    InvariantCatalog.TmpfsTree,
                    $"directory {number} lies in {directory.Number}, its parent_ino is {target?.ParentNumber}");
            }

            directories += directory.IsDirectory ? 1 : 0;
            Require(
                !directory.IsDirectory || directory.Links == 2 + subdirectories,
                InvariantCatalog.TmpfsTree,
                $"directory {directory.Number} of '{mount.Name}' has {directory.Links} links and {subdirectories} subdirectories");
        }

        foreach (TmpfsImageInode inode in mount.Inodes)
        {
            bool isRoot = inode.Number == mount.RootNumber;
            uint expected = isRoot ? 0 : inode.IsDirectory ? 1 : inode.Links;
            Require(
                named.GetValueOrDefault(inode.Number) == expected && (isRoot || expected != 0),
                InvariantCatalog.TmpfsTree,
                $"inode {inode.Number} of '{mount.Name}' has {inode.Links} links and {named.GetValueOrDefault(inode.Number)} names");
        }

        JudgeDepth(mount, directories);
    }

    /// <summary>No cycle: every directory comes to the root in fewer steps than there are directories.</summary>
    private void JudgeDepth(TmpfsImageMount mount, int directories)
    {
        foreach (TmpfsImageInode inode in mount.Inodes)
        {
            TmpfsImageInode? at = inode.IsDirectory ? inode : null;
            for (int steps = 0; at is not null && at.Number != mount.RootNumber; steps++)
            {
                at = steps < directories ? mount.Find(at.ParentNumber) : null;
            }

            Require(!inode.IsDirectory || at is not null, InvariantCatalog.TmpfsTree, $"directory {inode.Number} of '{mount.Name}' does not hang from the root");
        }
    }

    private void ReadMap(ulong entry, int depth, ulong index, List<(ulong Index, ulong Entry)> leaves)
    {
        if (entry == 0 || !_isSound || leaves.Count > LimitPages)
        {
            return;
        }

        if (depth == 0)
        {
            leaves.Add((index, entry));
            return;
        }

        byte[] node = new byte[PageBytes];
        Take(entry, node);
        for (int i = 0; i < PageBytes / 8; i++)
        {
            ReadMap(Long(node, i * 8), depth - 1, (index << 9) | (uint)i, leaves);
        }
    }

    private void Take(ulong phys, Span<byte> page)
    {
        TakeUnread(phys);
        _memory.Read(phys, page);
    }

    /// <summary>T2: a page is used once.</summary>
    private void TakeUnread(ulong phys) =>
        Require((phys & 0xFFF) == 0 && _pages.Add(phys), InvariantCatalog.TmpfsOneOwner, $"page 0x{phys:x} is used twice, or is no page");

    private void Require(bool holds, string invariant, string detail)
    {
        if (!holds)
        {
            _isSound = false;
            _report(invariant, detail);
        }
    }

    private void Equal(ulong expected, ulong found, string invariant, string what) =>
        Require(expected == found, invariant, $"{what}: expected {expected}, found {found}");

    private bool Checksum(ReadOnlySpan<byte> bytes, int fieldOffset)
    {
        bytes.CopyTo(_buffer);
        _buffer.AsSpan(fieldOffset, 4).Clear();
        _crc.Reset();
        _crc.Update(new ArraySegment<byte>(_buffer, 0, bytes.Length));
        return (uint)_crc.Value == Word(bytes, fieldOffset);
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes[..(bytes.IndexOf((byte)0) is >= 0 and int end ? end : bytes.Length)]);

    private static ulong Long(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    private static uint Word(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
