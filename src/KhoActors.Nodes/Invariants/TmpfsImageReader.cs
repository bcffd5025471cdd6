using System.Buffers.Binary;
using System.Text;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>
/// The judge's own reader of tmpfs-kho-v1 (docs/abi.md): offsets are written down here once more, and nothing of what it judges is used. It reads
/// what our own kernel has just finished, so whatever is wrong is a violation: T1 (in part) to T5, T8, T14.
/// </summary>
internal sealed partial class TmpfsImageReader
{
    private const int PageBytes = 4096;
    private const int InodeBytes = 256;
    private const int InodesPerPage = PageBytes / InodeBytes;
    private const int LimitPages = 1 << 22;
    private const int DepthMax = 6;
    private const int NamesMax = 63;
    private const int InlineMax = 127;
    private readonly PhysicalMemory _memory;
    private readonly Action<string, string> _report;
    private readonly ICSharpCode.SharpZipLib.Checksum.Crc32 _crc = new();
    private readonly HashSet<ulong> _seen = [];
    private readonly List<ulong> _pages = [];
    private readonly List<ulong> _pagesOfMount = [];
    private readonly List<(ulong Index, ulong Entry)> _leaves = [];
    private readonly byte[] _buffer = new byte[PageBytes];
    private bool _isSound;
    private bool _judges;

    public TmpfsImageReader(PhysicalMemory memory, Action<string, string> report)
    {
        _memory = memory;
        _report = report;
    }

    /// <summary>Every page that the anchor leads to, itself included, once, in the order of reading.</summary>
    public IReadOnlyList<ulong> Pages => _pages;

    /// <summary>Reads an anchor that is COMPLETE.</summary>
    /// <param name="anchor">Its address.</param>
    /// <param name="judges">
    /// True to report what is wrong. False for what came over: it was judged before the jump, so its checksums are not computed again.
    /// </param>
    /// <returns>The image, or null when it is not sound.</returns>
    public TmpfsImage? Read(ulong anchor, bool judges)
    {
        _isSound = true;
        _judges = judges;
        _pages.Clear();
        _seen.Clear();
        Span<byte> page = stackalloc byte[PageBytes];
        Take(anchor, page);
        Require(page[..8].SequenceEqual("TMPFSKHO"u8), InvariantCatalog.TmpfsChecksums, "the anchor's magic is wrong");
        bool isOurs = page[8..32].SequenceEqual("tmpfs-kho-v1\0\0\0\0\0\0\0\0\0\0\0\0"u8);
        Require(isOurs, InvariantCatalog.TmpfsChecksums, "the anchor's compatible string is wrong");
        Require(Checksum(page, 0x2C), InvariantCatalog.TmpfsChecksums, "the anchor's checksum is wrong");
        int mounts = (int)Math.Min(Word(page, 0x28), NamesMax);
        List<TmpfsImageMount> read = [];
        for (int i = 0; i < mounts && _isSound; i++)
        {
            ReadOnlySpan<byte> slot = page.Slice(0x40 + (i * 64), 64);
            _pagesOfMount.Clear();
            if (ReadMount(Long(slot, 48), Text(slot[..48])) is { } mount)
            {
                read.Add(mount);
                _pagesOfMount.Sort();
                mount.Pages.AddRange(_pagesOfMount);
                Equal((ulong)_pagesOfMount.Count, Word(slot, 60), InvariantCatalog.TmpfsSums, mount.Name, "pages in its slot");
            }
        }

        Equal((ulong)_pages.Count, Long(page, 0x38), InvariantCatalog.TmpfsSums, "the anchor", "total_pages");
        return _isSound ? new TmpfsImage(Long(page, 0x30), read) : null;
    }

    private TmpfsImageMount? ReadMount(ulong super, string name)
    {
        Span<byte> page = stackalloc byte[PageBytes];
        Take(super, page);
        bool isSuper = page[..8].SequenceEqual("TKSUPER1"u8) && Checksum(page, 0xBC);
        Require(isSuper, InvariantCatalog.TmpfsChecksums, name, "the super page is damaged");
        Require(Text(page[8..56]) == name, InvariantCatalog.TmpfsSums, name, "the super page has another name");
        if (!_isSound)
        {
            return null;
        }

        TmpfsImageMount mount = new()
        {
            Name = name, SuperPhys = super, Carried = Word(page, 0xAC), RootNumber = Long(page, 0x80),
            MaxBlocks = Long(page, 0x48), MaxInodes = Long(page, 0x50),
        };
        List<(ulong Index, ulong Entry)> table = [];
        ulong inodes = Long(page, 0x68);
        ReadMap(Long(page, 0x90), page[0x98], 0, table);
        for (int i = 0; i < table.Count && _isSound; i++)
        {
            Require(table[i].Index == (ulong)i, InvariantCatalog.TmpfsSums, name, "the inode table has a hole");
            ReadInodes(table[i].Entry, table[i].Index, inodes, mount);
        }

        Equal((ulong)mount.Inodes.Count, inodes, InvariantCatalog.TmpfsSums, name, "nr_inodes");
        if (_isSound)
        {
            JudgeSums(page, mount);
            JudgeTree(mount);
        }

        return mount;
    }

    private void JudgeSums(ReadOnlySpan<byte> page, TmpfsImageMount mount)
    {
        ulong dataPages = 0;
        ulong extraLinks = 0;
        foreach (TmpfsImageInode inode in mount.Inodes)
        {
            dataPages += inode.IsDirectory ? 0UL : (ulong)inode.Pages.Length;
            extraLinks += inode.IsDirectory ? 0UL : inode.Links - 1;
        }

        ulong inodeSpace = 1024 * ((ulong)mount.Inodes.Count + extraLinks);
        Equal(dataPages, Long(page, 0x70), InvariantCatalog.TmpfsSums, mount.Name, "nr_data_pages");
        Equal((ulong)_pagesOfMount.Count - dataPages, Long(page, 0x78), InvariantCatalog.TmpfsSums, mount.Name, "nr_meta_pages");
        Equal(dataPages, Long(page, 0x58), InvariantCatalog.TmpfsSums, mount.Name, "used_blocks");
        Equal(inodeSpace, Long(page, 0x60), InvariantCatalog.TmpfsSums, mount.Name, "used_ispace");
        Require(mount.MaxBlocks == 0 || dataPages <= mount.MaxBlocks, InvariantCatalog.TmpfsLimits, mount.Name, "more blocks are used than the limit allows");
        Require(
            mount.MaxInodes == 0 || inodeSpace <= mount.MaxInodes * 1024,
            InvariantCatalog.TmpfsLimits,
            mount.Name,
            "more inode space is used than the limit allows");
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
                Require(record.IndexOfAnyExcept((byte)0) < 0, InvariantCatalog.TmpfsSums, mount.Name, "an unused inode record is not zero");
            }
        }
    }

    private void ReadInode(ReadOnlySpan<byte> record, TmpfsImageMount mount)
    {
        TmpfsImageInode inode = new()
        {
            Number = Long(record, 0), Mode = Word(record, 8), Links = Word(record, 0x0C), Uid = Word(record, 0x10), Gid = Word(record, 0x14),
            SizeBytes = Long(record, 0x18), Flags = Word(record, 0x5C), DeviceNumber = Word(record, 0x60), ParentNumber = Long(record, 0x70),
        };
        Require(Checksum(record, 0x78), InvariantCatalog.TmpfsChecksums, mount.Name, "the record of an inode is damaged", inode.Number);
        bool ascends = mount.Inodes.Count == 0 || mount.Inodes[^1].Number < inode.Number;
        Require(inode.Number != 0 && ascends, InvariantCatalog.TmpfsTree, mount.Name, "the record is out of order", inode.Number);
        _leaves.Clear();
        ReadMap(Long(record, 0x68), record[0x64], 0, _leaves);
        Equal((ulong)_leaves.Count, Long(record, 0x20), InvariantCatalog.TmpfsSums, mount.Name, "nr_pages of an inode");
        foreach ((ulong index, ulong entry) in _leaves)
        {
            inode.Add(index, entry & ~0xFFFUL, (entry & 1) != 0);
            TakeUnread(entry & ~0xFFFUL);
        }

        if (inode.IsSymbolicLink)
        {
            bool isInline = (record[0x65] & 1) != 0;
            inode.Target = isInline ? Encoding.Latin1.GetString(record.Slice(0x80, Math.Min((int)record[0x66], InlineMax))) : ReadTarget(inode, mount);
        }
        else if (inode.IsDirectory && _isSound)
        {
            ReadDirectory(inode, Word(record, 0x7C), mount);
        }

        mount.Inodes.Add(inode);
    }

    private string ReadTarget(TmpfsImageInode inode, TmpfsImageMount mount)
    {
        if (inode.Pages.Length != 1 || inode.SizeBytes > PageBytes)
        {
            Require(false, InvariantCatalog.TmpfsSums, mount.Name, "a symbolic link has not one page, or too many bytes", inode.Number);
            return string.Empty;
        }

        _memory.Read(inode.Pages[0].Phys, _buffer);
        return Encoding.Latin1.GetString(_buffer.AsSpan(0, (int)inode.SizeBytes));
    }

    private void ReadDirectory(TmpfsImageInode directory, uint checksum, TmpfsImageMount mount)
    {
        _crc.Reset();
        for (int i = 0; i < directory.Pages.Length; i++)
        {
            Require(directory.Pages[i].Index == (ulong)i, InvariantCatalog.TmpfsTree, mount.Name, "the stream of a directory has a hole", directory.Number);
            _memory.Read(directory.Pages[i].Phys, _buffer);
            int bytes = (int)Math.Min(PageBytes, directory.SizeBytes - Math.Min(directory.SizeBytes, (ulong)i * PageBytes));
            if (_judges)
            {
                _crc.Update(new ArraySegment<byte>(_buffer, 0, bytes));
            }

            ReadEntries(directory, _buffer.AsSpan(0, bytes), mount);
        }

        bool isWhole = !_judges || (uint)_crc.Value == (directory.SizeBytes == 0 ? 0 : checksum);
        Require(isWhole, InvariantCatalog.TmpfsChecksums, mount.Name, "the stream of a directory is damaged", directory.Number);
    }

    private void ReadEntries(TmpfsImageInode directory, ReadOnlySpan<byte> page, TmpfsImageMount mount)
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
            Require(fits, InvariantCatalog.TmpfsTree, mount.Name, "an entry has an impossible length in directory", directory.Number);
            if (!fits)
            {
                return;
            }

            directory.Add(Encoding.Latin1.GetString(page.Slice(at + 12, nameLength)), Long(page, at), page[at + 11]);
            at += length;
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

        Require(depth <= DepthMax, InvariantCatalog.TmpfsSums, "a page map", "deeper than 6");
        TakeUnread(entry);
        ReadOnlySpan<ulong> node = _isSound ? _memory.WrittenPage(PageGeometry.PfnOf(entry)) : null;
        for (int i = node.IndexOfAnyExcept(0UL); (uint)i < (uint)node.Length && _isSound; i++)
        {
            ReadMap(node[i], depth - 1, (index << 9) | (uint)i, leaves);
        }
    }

    private void Take(ulong phys, Span<byte> page)
    {
        TakeUnread(phys);
        if (_isSound)
        {
            _memory.Read(phys, page);
        }
        else
        {
            page.Clear();
        }
    }

    /// <summary>T2: a page is used once.</summary>
    private void TakeUnread(ulong phys)
    {
        bool isNew = (phys & 0xFFF) == 0 && phys >> 52 == 0 && _seen.Add(phys);
        Require(isNew, InvariantCatalog.TmpfsOneOwner, "a page", "is used twice, or is no page: frame", phys >> PageGeometry.Shift);
        if (isNew)
        {
            _pages.Add(phys);
        }

        _pagesOfMount.Add(phys);
    }

    private void Require(bool holds, string invariant, string detail)
    {
        if (!holds)
        {
            Fail(invariant, detail);
        }
    }

    private void Require(bool holds, string invariant, string name, string detail, ulong? number = null)
    {
        if (!holds)
        {
            Fail(invariant, $"'{name}': {detail}{(number is null ? string.Empty : $" {number}")}");
        }
    }

    private void Equal(ulong expected, ulong found, string invariant, string name, string what)
    {
        if (expected != found)
        {
            Fail(invariant, $"'{name}': {what}: expected {expected}, found {found}");
        }
    }

    private void Fail(string invariant, string detail)
    {
        _isSound = false;
        if (_judges)
        {
            _report(invariant, detail);
        }
    }

    private bool Checksum(ReadOnlySpan<byte> bytes, int fieldOffset)
    {
        if (!_judges)
        {
            return true;
        }

        bytes.CopyTo(_buffer);
        _buffer.AsSpan(fieldOffset, 4).Clear();
        _crc.Reset();
        _crc.Update(new ArraySegment<byte>(_buffer, 0, bytes.Length));
        return (uint)_crc.Value == Word(bytes, fieldOffset);
    }

    private static string Text(ReadOnlySpan<byte> bytes) =>
        Encoding.Latin1.GetString(bytes[..(bytes.IndexOf((byte)0) is >= 0 and int end ? end : bytes.Length)]);

    private static ulong Long(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    private static uint Word(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
