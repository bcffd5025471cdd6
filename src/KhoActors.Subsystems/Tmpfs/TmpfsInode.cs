namespace KhoActors.Subsystems.Tmpfs;

/// <summary>A time of an inode (timespec64).</summary>
/// <param name="Seconds">Since 1970, signed.</param>
/// <param name="Nanoseconds">0..999999999.</param>
public readonly record struct TmpfsTime(long Seconds, uint Nanoseconds);

/// <summary>
/// An inode of a mounted tmpfs: attributes, and what its type needs: pages of a regular file or long symbolic link, entries of a directory in the
/// order of their creation, the target of a symbolic link. Plain state; the rules are the file system's.
/// </summary>
public sealed class TmpfsInode
{
    /// <summary>Bits of <see cref="Mode"/> that hold the type (S_IFMT).</summary>
    public const uint TypeMask = 0xF000;

    private List<(string Name, ulong SpaceBytes)>? _extendedAttributes;

    /// <summary>Inode number, unique in its file system, kept across a kexec.</summary>
    public required ulong Number { get; init; }

    /// <summary>Type and permissions, 16 bits (S_IF*).</summary>
    public required uint Mode { get; set; }

    /// <summary>Links: entries that name it; a directory has 2 and one more for each subdirectory. 0 when it is only open.</summary>
    public uint LinkCount { get; set; }

    /// <summary>Owner.</summary>
    public uint Uid { get; set; }

    /// <summary>Group.</summary>
    public uint Gid { get; set; }

    /// <summary>Bytes of a regular file, or of a symbolic link's target. A directory's is computed: 40 and 20 for each entry.</summary>
    public ulong SizeBytes { get; set; }

    /// <summary>Access time.</summary>
    public TmpfsTime AccessTime { get; set; }

    /// <summary>Modification time.</summary>
    public TmpfsTime ModifyTime { get; set; }

    /// <summary>Change time.</summary>
    public TmpfsTime ChangeTime { get; set; }

    /// <summary>Birth time.</summary>
    public TmpfsTime BirthTime { get; set; }

    /// <summary>i_generation, a random number.</summary>
    public uint Generation { get; set; }

    /// <summary>FS_*_FL: IMMUTABLE 0x10, APPEND 0x20, NODUMP 0x40, NOATIME 0x80.</summary>
    public uint Flags { get; set; }

    /// <summary>Device number of a character or block device, in the encoding of user space.</summary>
    public uint DeviceNumber { get; set; }

    /// <summary>The directory that holds this directory; the root's is itself; null for other types.</summary>
    public TmpfsInode? Parent { get; set; }

    /// <summary>Entries of a directory in the order of their creation; empty for other types.</summary>
    public TmpfsEntries Entries { get; } = new();

    /// <summary>Target of a symbolic link, a character a byte; null for other types. With 128 bytes or more it also has a page.</summary>
    public string? Target { get; set; }

    /// <summary>Pages of a regular file or of a long symbolic link.</summary>
    public TmpfsPages Pages { get; } = new();

    /// <summary>How often it is open.</summary>
    public int Opened { get; set; }

    /// <summary>Whether it lost its last name while it was open, and ends with its last descriptor.</summary>
    internal bool IsOrphan { get; set; }

    /// <summary>How many extended attributes it has: not handed over by tmpfs-kho-v1, only counted.</summary>
    public int ExtendedAttributes => _extendedAttributes?.Count ?? 0;

    /// <summary>Inode space that its extended attributes take, in bytes.</summary>
    public ulong ExtendedAttributeBytes { get; private set; }

    /// <summary>
    /// Whether a store through a mapping may have left bytes behind the end of the file, in its last page. They are never read: they are zeroed
    /// before the file grows, and by <see cref="TmpfsFileSystem.ZeroBehindEnd"/>.
    /// </summary>
    public bool HasBytesBehindEnd { get; set; }

    /// <summary>Its type (S_IF*).</summary>
    public uint Type => Mode & TypeMask;

    /// <summary>Whether it is a directory.</summary>
    public bool IsDirectory => Type == 0x4000;

    /// <summary>Whether it is a regular file.</summary>
    public bool IsRegular => Type == 0x8000;

    /// <summary>Whether it is a symbolic link.</summary>
    public bool IsSymbolicLink => Type == 0xA000;

    /// <summary>The type as a directory entry has it (FT_*): 1 regular, 2 directory, 3 character device, 4 block device, 5 fifo, 6 socket, 7 link.</summary>
    public byte EntryType => Type switch
    {
        0x8000 => 1,
        0x4000 => 2,
        0x2000 => 3,
        0x6000 => 4,
        0x1000 => 5,
        0xC000 => 6,
        0xA000 => 7,
        _ => 0,
    };

    /// <summary>Sets an extended attribute, or sets it anew.</summary>
    /// <param name="name">Its full name.</param>
    /// <param name="spaceBytes">Inode space that it takes.</param>
    /// <returns>Inode space that its value before took; 0 when it is new.</returns>
    internal ulong SetExtendedAttribute(string name, ulong spaceBytes)
    {
        _extendedAttributes ??= [];
        int at = _extendedAttributes.FindIndex(attribute => attribute.Name == name);
        ulong before = at < 0 ? 0 : _extendedAttributes[at].SpaceBytes;
        if (at < 0)
        {
            _extendedAttributes.Add((name, spaceBytes));
        }
        else
        {
            _extendedAttributes[at] = (name, spaceBytes);
        }

        ExtendedAttributeBytes += spaceBytes - before;
        return before;
    }
}

/// <summary>A page of a file.</summary>
/// <param name="Index">Its place: file offset / 4096.</param>
/// <param name="Phys">Its physical address.</param>
/// <param name="IsUpToDate">False when fallocate allocated it and nobody wrote it: it reads as zero whatever lies in RAM.</param>
public readonly record struct TmpfsPage(ulong Index, ulong Phys, bool IsUpToDate);

/// <summary>The pages of one file in the order of their place in it; holes are not there.</summary>
public sealed class TmpfsPages
{
    private readonly List<TmpfsPage> _pages = [];

    /// <summary>How many pages there are.</summary>
    public int Count => _pages.Count;

    /// <summary>A page by position in the order, 0 for the first that is there.</summary>
    /// <param name="position">0..<see cref="Count"/> - 1.</param>
    public TmpfsPage this[int position] => _pages[position];

    /// <summary>Finds the page at a place, or where it would be.</summary>
    /// <param name="index">The place.</param>
    /// <param name="position">Its position, or that of the first page behind it.</param>
    /// <returns>Whether there is a page.</returns>
    public bool Find(ulong index, out int position)
    {
        // Files grow at their end.
        int low = _pages.Count != 0 && _pages[^1].Index < index ? _pages.Count : 0;
        int high = _pages.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_pages[middle].Index < index)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        position = low;
        return low < _pages.Count && _pages[low].Index == index;
    }

    /// <summary>Adds a page, or replaces the one at its place.</summary>
    /// <param name="page">The page.</param>
    public void Set(TmpfsPage page)
    {
        if (Find(page.Index, out int position))
        {
            _pages[position] = page;
        }
        else
        {
            _pages.Insert(position, page);
        }
    }

    /// <summary>Takes pages out, by position.</summary>
    /// <param name="position">Of the first.</param>
    /// <param name="count">How many.</param>
    public void Remove(int position, int count) => _pages.RemoveRange(position, count);
}
