using System.Buffers.Binary;
using System.Text;

namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>What the super page of a handed-over mount says.</summary>
public sealed record SuperBlock
{
    /// <summary>Name of the mount, as in its slot.</summary>
    public required string Name { get; init; }

    /// <summary>The uuid, first byte in the highest bits; kept across kexecs.</summary>
    public required UInt128 Uuid { get; init; }

    /// <summary>Limit of data pages; 0 for none.</summary>
    public ulong MaxBlocks { get; init; }

    /// <summary>Limit of inodes; 0 for none.</summary>
    public ulong MaxInodes { get; init; }

    /// <summary>Data pages charged.</summary>
    public ulong UsedBlocks { get; init; }

    /// <summary>Inode space charged, in bytes.</summary>
    public ulong UsedInodeSpace { get; init; }

    /// <summary>Inode records.</summary>
    public ulong Inodes { get; init; }

    /// <summary>Pages of files and of long symbolic links.</summary>
    public ulong DataPages { get; init; }

    /// <summary>Super, inode, map and directory pages.</summary>
    public ulong MetaPages { get; init; }

    /// <summary>Inode number of the root.</summary>
    public ulong RootNumber { get; init; }

    /// <summary>The inode number given next.</summary>
    public ulong NextNumber { get; init; }

    /// <summary>The inode table's page map.</summary>
    public ulong InodeMapPhys { get; init; }

    /// <summary>Its depth, 0..3.</summary>
    public int InodeMapDepth { get; init; }

    /// <summary>Whether it was mounted read-only.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Mount option mode=, 12 bits.</summary>
    public uint Mode { get; init; }

    /// <summary>Mount option uid=.</summary>
    public uint Uid { get; init; }

    /// <summary>Mount option gid=.</summary>
    public uint Gid { get; init; }

    /// <summary>Kernels that passed it on without having mounted it.</summary>
    public uint Carried { get; init; }

    /// <summary>When the snapshot was begun.</summary>
    public TmpfsTime Frozen { get; init; }
}

/// <summary>The super page of tmpfs-kho-v1.</summary>
public static class SuperPage
{
    /// <summary>The magic number, <c>TKSUPER1</c>.</summary>
    public const ulong Magic = 0x3152_4550_5553_4B54;

    /// <summary>Offset of the name, 48 bytes.</summary>
    public const int NameAt = 0x08;

    /// <summary>Offset of the uuid, 16 bytes.</summary>
    public const int UuidAt = 0x38;

    /// <summary>Offset of max_blocks, 64 bits.</summary>
    public const int MaxBlocksAt = 0x48;

    /// <summary>Offset of max_inodes, 64 bits.</summary>
    public const int MaxInodesAt = 0x50;

    /// <summary>Offset of used_blocks, 64 bits.</summary>
    public const int UsedBlocksAt = 0x58;

    /// <summary>Offset of used_ispace, 64 bits.</summary>
    public const int UsedInodeSpaceAt = 0x60;

    /// <summary>Offset of nr_inodes, 64 bits.</summary>
    public const int InodesAt = 0x68;

    /// <summary>Offset of nr_data_pages, 64 bits.</summary>
    public const int DataPagesAt = 0x70;

    /// <summary>Offset of nr_meta_pages, 64 bits.</summary>
    public const int MetaPagesAt = 0x78;

    /// <summary>Offset of root_ino, 64 bits.</summary>
    public const int RootNumberAt = 0x80;

    /// <summary>Offset of next_ino, 64 bits.</summary>
    public const int NextNumberAt = 0x88;

    /// <summary>Offset of imap_pa, 64 bits.</summary>
    public const int InodeMapAt = 0x90;

    /// <summary>Offset of imap_depth, 8 bits; three zero bytes follow.</summary>
    public const int InodeMapDepthAt = 0x98;

    /// <summary>Offset of mount_flags, 32 bits: bit 0 read-only.</summary>
    public const int MountFlagsAt = 0x9C;

    /// <summary>Offset of mode, 32 bits.</summary>
    public const int ModeAt = 0xA0;

    /// <summary>Offset of uid, 32 bits.</summary>
    public const int UidAt = 0xA4;

    /// <summary>Offset of gid, 32 bits.</summary>
    public const int GidAt = 0xA8;

    /// <summary>Offset of carried, 32 bits.</summary>
    public const int CarriedAt = 0xAC;

    /// <summary>Offset of frozen_sec, 64 bits, signed.</summary>
    public const int FrozenSecondsAt = 0xB0;

    /// <summary>Offset of frozen_nsec, 32 bits.</summary>
    public const int FrozenNanosecondsAt = 0xB8;

    /// <summary>Offset of the page's checksum, 32 bits.</summary>
    public const int CrcAt = 0xBC;

    /// <summary>Everything from here on is zero.</summary>
    public const int EndOfFields = 0xC0;

    /// <summary>The greatest depth of an inode table.</summary>
    public const int InodeMapDepthMax = 3;

    /// <summary>Writes a super page.</summary>
    /// <param name="page">A zeroed page.</param>
    /// <param name="super">What to write.</param>
    public static void Write(Span<byte> page, SuperBlock super)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(page, Magic);
        Encoding.Latin1.GetBytes(super.Name, page[NameAt..]);
        BinaryPrimitives.WriteUInt128BigEndian(page[UuidAt..], super.Uuid);
        BinaryPrimitives.WriteUInt64LittleEndian(page[MaxBlocksAt..], super.MaxBlocks);
        BinaryPrimitives.WriteUInt64LittleEndian(page[MaxInodesAt..], super.MaxInodes);
        BinaryPrimitives.WriteUInt64LittleEndian(page[UsedBlocksAt..], super.UsedBlocks);
        BinaryPrimitives.WriteUInt64LittleEndian(page[UsedInodeSpaceAt..], super.UsedInodeSpace);
        BinaryPrimitives.WriteUInt64LittleEndian(page[InodesAt..], super.Inodes);
        BinaryPrimitives.WriteUInt64LittleEndian(page[DataPagesAt..], super.DataPages);
        BinaryPrimitives.WriteUInt64LittleEndian(page[MetaPagesAt..], super.MetaPages);
        BinaryPrimitives.WriteUInt64LittleEndian(page[RootNumberAt..], super.RootNumber);
        BinaryPrimitives.WriteUInt64LittleEndian(page[NextNumberAt..], super.NextNumber);
        BinaryPrimitives.WriteUInt64LittleEndian(page[InodeMapAt..], super.InodeMapPhys);
        page[InodeMapDepthAt] = (byte)super.InodeMapDepth;
        BinaryPrimitives.WriteUInt32LittleEndian(page[MountFlagsAt..], super.IsReadOnly ? 1u : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(page[ModeAt..], super.Mode);
        BinaryPrimitives.WriteUInt32LittleEndian(page[UidAt..], super.Uid);
        BinaryPrimitives.WriteUInt32LittleEndian(page[GidAt..], super.Gid);
        BinaryPrimitives.WriteInt64LittleEndian(page[FrozenSecondsAt..], super.Frozen.Seconds);
        BinaryPrimitives.WriteUInt32LittleEndian(page[FrozenNanosecondsAt..], super.Frozen.Nanoseconds);
        SetCarried(page, super.Carried);
    }

    /// <summary>Changes how many kernels passed a mount on, and with it the checksum.</summary>
    /// <param name="page">A super page.</param>
    /// <param name="carried">How many.</param>
    public static void SetCarried(Span<byte> page, uint carried)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(page[CarriedAt..], carried);
        BinaryPrimitives.WriteUInt32LittleEndian(page[CrcAt..], LayoutCrc.OfStructure(page[..LayoutRules.PageBytes], CrcAt));
    }

    /// <summary>Reads a super page that another kernel wrote.</summary>
    /// <param name="page">4096 bytes.</param>
    /// <param name="slot">The slot that leads to it.</param>
    /// <param name="problem">The check that failed; null when none did.</param>
    /// <returns>What it says, or null.</returns>
    public static SuperBlock? Read(ReadOnlySpan<byte> page, in MountSlot slot, out string? problem)
    {
        page = page[..LayoutRules.PageBytes];
        SuperBlock super = Parse(page, slot.Name);
        problem = Check(page, slot, super);
        return problem is null ? super : null;
    }

    private static SuperBlock Parse(ReadOnlySpan<byte> page, string name) => new()
    {
        Name = name,
        Uuid = BinaryPrimitives.ReadUInt128BigEndian(page[UuidAt..]),
        MaxBlocks = BinaryPrimitives.ReadUInt64LittleEndian(page[MaxBlocksAt..]),
        MaxInodes = BinaryPrimitives.ReadUInt64LittleEndian(page[MaxInodesAt..]),
        UsedBlocks = BinaryPrimitives.ReadUInt64LittleEndian(page[UsedBlocksAt..]),
        UsedInodeSpace = BinaryPrimitives.ReadUInt64LittleEndian(page[UsedInodeSpaceAt..]),
        Inodes = BinaryPrimitives.ReadUInt64LittleEndian(page[InodesAt..]),
        DataPages = BinaryPrimitives.ReadUInt64LittleEndian(page[DataPagesAt..]),
        MetaPages = BinaryPrimitives.ReadUInt64LittleEndian(page[MetaPagesAt..]),
        RootNumber = BinaryPrimitives.ReadUInt64LittleEndian(page[RootNumberAt..]),
        NextNumber = BinaryPrimitives.ReadUInt64LittleEndian(page[NextNumberAt..]),
        InodeMapPhys = BinaryPrimitives.ReadUInt64LittleEndian(page[InodeMapAt..]),
        InodeMapDepth = page[InodeMapDepthAt],
        IsReadOnly = (page[MountFlagsAt] & 1) != 0,
        Mode = BinaryPrimitives.ReadUInt32LittleEndian(page[ModeAt..]),
        Uid = BinaryPrimitives.ReadUInt32LittleEndian(page[UidAt..]),
        Gid = BinaryPrimitives.ReadUInt32LittleEndian(page[GidAt..]),
        Carried = BinaryPrimitives.ReadUInt32LittleEndian(page[CarriedAt..]),
        Frozen = new TmpfsTime(
            BinaryPrimitives.ReadInt64LittleEndian(page[FrozenSecondsAt..]),
            BinaryPrimitives.ReadUInt32LittleEndian(page[FrozenNanosecondsAt..])),
    };

    private static string? Check(ReadOnlySpan<byte> page, in MountSlot slot, SuperBlock super)
    {
        if (BinaryPrimitives.ReadUInt64LittleEndian(page) != Magic)
        {
            return "super magic";
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(page[CrcAt..]) != LayoutCrc.OfStructure(page, CrcAt))
        {
            return "super crc32";
        }

        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(page[MountFlagsAt..]);
        bool reservedIsZero = LayoutRules.IsZero(page[EndOfFields..]) && LayoutRules.IsZero(page[(InodeMapDepthAt + 1)..MountFlagsAt]);
        return LayoutRules.ReadMountName(page.Slice(NameAt, LayoutRules.NameBytes)) != slot.Name ? "super name"
            : !reservedIsZero || flags > 1 || super.Mode > 0xFFF || super.Frozen.Nanoseconds > InodeRecord.NanosecondsMax ? "super fields"
            : slot.IsCarried != (super.Carried != 0) ? "super carried"
            : super.InodeMapDepth > InodeMapDepthMax ? "imap_depth"
            : CheckSums(slot, super);
    }

    private static string? CheckSums(in MountSlot slot, SuperBlock super)
    {
        bool pagesAgree = super.DataPages <= slot.Pages && super.MetaPages <= slot.Pages && super.DataPages + super.MetaPages == slot.Pages;
        bool blocksFit = super.MaxBlocks == 0 || super.UsedBlocks <= super.MaxBlocks;
        bool inodesFit = super.MaxInodes == 0 || super.UsedInodeSpace / LayoutRules.InodeSpaceBytes <= super.MaxInodes;
        return !pagesAgree ? "nr_pages"
            : super.UsedBlocks != super.DataPages ? "used_blocks"
            : super.UsedInodeSpace % LayoutRules.InodeSpaceBytes != 0 ? "used_ispace"
            : !blocksFit || !inodesFit ? "limits"
            : null;
    }
}
