using System.Buffers.Binary;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>
/// A KHO inode of the proof of concept in RAM: 16384 bytes, native (little-endian) byte order, natural alignment (include/linux/shmem_fs.h of
/// the branch tmpfs-kho, December 2024). It is written while the file system lives; the next kernel reads it in place.
/// </summary>
/// <param name="memory">RAM as the client may touch it.</param>
/// <param name="phys">Its physical address.</param>
internal readonly struct PocInode(OwnedMemory memory, ulong phys)
{
    /// <summary>Bytes of a KHO inode.</summary>
    public const int SizeBytes = 16384;

    /// <summary>Where the union of block entries and directory entries begins.</summary>
    public const int UnionOffset = 96;

    /// <summary>Block entries of 8 bytes: the largest file has this many pages.</summary>
    public const int BlockEntries = (SizeBytes - UnionOffset) / sizeof(ulong);

    private const int ModeOffset = 0;
    private const int UidOffset = 4;
    private const int GidOffset = 8;
    private const int FlagsOffset = 12;
    private const int FsFlagsOffset = 16;
    private const int SizeOffset = 24;
    private const int BlocksOffset = 32;
    private const int AccessSecondsOffset = 40;
    private const int BirthSecondsOffset = 48;
    private const int ChangeSecondsOffset = 56;
    private const int ModifySecondsOffset = 64;
    private const int AccessNanosecondsOffset = 72;
    private const int BirthNanosecondsOffset = 76;
    private const int ChangeNanosecondsOffset = 80;
    private const int ModifyNanosecondsOffset = 84;
    private const int LinksOffset = 88;
    private const int GenerationOffset = 92;

    /// <summary>Its physical address.</summary>
    public ulong Phys => phys;

    /// <summary>i_mode, 16 bits. The two bytes behind it are never written: they keep bits 16..31 of the free list's pointer.</summary>
    public uint Mode
    {
        get => (uint)(memory.ReadUInt64(phys) & 0xFFFF);
        set
        {
            Span<byte> bytes = stackalloc byte[sizeof(ushort)];
            BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)value);
            memory.Write(phys + ModeOffset, bytes);
        }
    }

    /// <summary>i_uid.</summary>
    public uint Uid
    {
        get => Read32(UidOffset);
        set => Write32(UidOffset, value);
    }

    /// <summary>i_gid.</summary>
    public uint Gid
    {
        get => Read32(GidOffset);
        set => Write32(GidOffset, value);
    }

    /// <summary>i_flags: S_* of the VFS.</summary>
    public uint Flags
    {
        get => Read32(FlagsOffset);
        set => Write32(FlagsOffset, value);
    }

    /// <summary>i_fsflags: FS_*_FL.</summary>
    public uint FsFlags
    {
        get => Read32(FsFlagsOffset);
        set => Write32(FsFlagsOffset, value);
    }

    /// <summary>i_size: of a file the largest end ever written; of a directory 264 for each entry.</summary>
    public ulong Size
    {
        get => memory.ReadUInt64(phys + SizeOffset);
        set => memory.WriteUInt64(phys + SizeOffset, value);
    }

    /// <summary>i_blocks: 0 from creation on, never updated.</summary>
    public ulong Blocks
    {
        get => memory.ReadUInt64(phys + BlocksOffset);
        set => memory.WriteUInt64(phys + BlocksOffset, value);
    }

    /// <summary>i_nlink.</summary>
    public uint LinkCount
    {
        get => Read32(LinksOffset);
        set => Write32(LinksOffset, value);
    }

    /// <summary>i_generation.</summary>
    public uint Generation
    {
        get => Read32(GenerationOffset);
        set => Write32(GenerationOffset, value);
    }

    /// <summary>i_atime.</summary>
    public TmpfsTime AccessTime
    {
        get => ReadTime(AccessSecondsOffset, AccessNanosecondsOffset);
        set => WriteTime(AccessSecondsOffset, AccessNanosecondsOffset, value);
    }

    /// <summary>i_btime.</summary>
    public TmpfsTime BirthTime
    {
        get => ReadTime(BirthSecondsOffset, BirthNanosecondsOffset);
        set => WriteTime(BirthSecondsOffset, BirthNanosecondsOffset, value);
    }

    /// <summary>i_ctime.</summary>
    public TmpfsTime ChangeTime
    {
        get => ReadTime(ChangeSecondsOffset, ChangeNanosecondsOffset);
        set => WriteTime(ChangeSecondsOffset, ChangeNanosecondsOffset, value);
    }

    /// <summary>i_mtime.</summary>
    public TmpfsTime ModifyTime
    {
        get => ReadTime(ModifySecondsOffset, ModifyNanosecondsOffset);
        set => WriteTime(ModifySecondsOffset, ModifyNanosecondsOffset, value);
    }

    /// <summary>The physical address of a file's page.</summary>
    /// <param name="index">Page of the file.</param>
    /// <returns>The entry; 0 for a hole and behind the last entry.</returns>
    public ulong BlockEntry(ulong index) => index < BlockEntries ? memory.ReadUInt64(phys + UnionOffset + (index * sizeof(ulong))) : 0;

    /// <summary>Stores the physical address of a file's page.</summary>
    /// <param name="index">Page of the file, below <see cref="BlockEntries"/>.</param>
    /// <param name="page">Its physical address; 0 for a hole.</param>
    public void SetBlockEntry(ulong index, ulong page)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, (ulong)BlockEntries);
        memory.WriteUInt64(phys + UnionOffset + (index * sizeof(ulong)), page);
    }

    private TmpfsTime ReadTime(int seconds, int nanoseconds) => new((long)memory.ReadUInt64(phys + (ulong)seconds), Read32(nanoseconds));

    private void WriteTime(int seconds, int nanoseconds, TmpfsTime time)
    {
        memory.WriteUInt64(phys + (ulong)seconds, (ulong)time.Seconds);
        Write32(nanoseconds, time.Nanoseconds);
    }

    private uint Read32(int offset) => memory.Memory.ReadUInt32(phys + (ulong)offset);

    private void Write32(int offset, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        memory.Write(phys + (ulong)offset, bytes);
    }
}
