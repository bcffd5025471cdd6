using System.Buffers.Binary;
using System.Text;

namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>
/// An inode record of tmpfs-kho-v1: 256 bytes, 16 to a page, in a table that is dense and ascending by inode number. The offsets are the
/// constants; what lies between them is reserved and zero.
/// </summary>
internal struct InodeRecord
{
    /// <summary>Bytes of a record.</summary>
    public const int Bytes = 256;

    /// <summary>Records in a page.</summary>
    public const int PerPage = LayoutRules.PageBytes / Bytes;

    /// <summary>Bytes for the target of a short symbolic link; tmpfs keeps it without a page when it is shorter than this.</summary>
    public const int InlineBytes = 128;

    /// <summary>The greatest depth of a file's or directory's page map.</summary>
    public const int MapDepthMax = 6;

    /// <summary>The largest nanoseconds of a time.</summary>
    public const uint NanosecondsMax = 999_999_999;

    private const int NumberAt = 0x00;
    private const int ModeAt = 0x08;
    private const int LinkCountAt = 0x0C;
    private const int UidAt = 0x10;
    private const int GidAt = 0x14;
    private const int SizeAt = 0x18;
    private const int PagesAt = 0x20;
    private const int SecondsAt = 0x28;
    private const int NanosecondsAt = 0x48;
    private const int GenerationAt = 0x58;
    private const int FlagsAt = 0x5C;
    private const int DeviceAt = 0x60;
    private const int MapDepthAt = 0x64;
    private const int RecordFlagsAt = 0x65;
    private const int InlineLengthAt = 0x66;
    private const int MapAt = 0x68;
    private const int ParentAt = 0x70;
    private const int CrcAt = 0x78;
    private const int DataCrcAt = 0x7C;
    private const int InlineAt = 0x80;
    private const byte IsInline = 1;

    // FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NODUMP_FL, FS_NOATIME_FL.
    private const uint FlagsKnown = 0xF0;

    /// <summary>size: bytes of a file or of a link's target; length of a directory's stream.</summary>
    public ulong SizeBytes;

    /// <summary>nr_pages: leaf pages of the map.</summary>
    public ulong Pages;

    /// <summary>map_depth.</summary>
    public int MapDepth;

    /// <summary>map_pa.</summary>
    public ulong MapPhys;

    /// <summary>parent_ino: of a directory; 0 for other types.</summary>
    public ulong ParentNumber;

    /// <summary>data_crc: of a directory's stream.</summary>
    public uint DataCrc;

    /// <summary>Whether a record is free: table entries behind the last inode.</summary>
    /// <param name="record">256 bytes.</param>
    /// <returns>Whether all of them are zero.</returns>
    public static bool IsFree(ReadOnlySpan<byte> record) => LayoutRules.IsZero(record);

    /// <summary>Writes a record.</summary>
    /// <param name="record">256 zero bytes.</param>
    /// <param name="inode">The inode's attributes.</param>
    public readonly void Write(Span<byte> record, TmpfsInode inode)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(record, inode.Number);
        BinaryPrimitives.WriteUInt32LittleEndian(record[ModeAt..], inode.Mode);
        BinaryPrimitives.WriteUInt32LittleEndian(record[LinkCountAt..], inode.LinkCount);
        BinaryPrimitives.WriteUInt32LittleEndian(record[UidAt..], inode.Uid);
        BinaryPrimitives.WriteUInt32LittleEndian(record[GidAt..], inode.Gid);
        BinaryPrimitives.WriteUInt64LittleEndian(record[SizeAt..], SizeBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(record[PagesAt..], Pages);
        WriteTime(record, 0, inode.AccessTime);
        WriteTime(record, 1, inode.ModifyTime);
        WriteTime(record, 2, inode.ChangeTime);
        WriteTime(record, 3, inode.BirthTime);
        BinaryPrimitives.WriteUInt32LittleEndian(record[GenerationAt..], inode.Generation);
        BinaryPrimitives.WriteUInt32LittleEndian(record[FlagsAt..], inode.Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(record[DeviceAt..], inode.DeviceNumber);
        record[MapDepthAt] = (byte)MapDepth;
        BinaryPrimitives.WriteUInt64LittleEndian(record[MapAt..], MapPhys);
        BinaryPrimitives.WriteUInt64LittleEndian(record[ParentAt..], ParentNumber);
        BinaryPrimitives.WriteUInt32LittleEndian(record[DataCrcAt..], DataCrc);
        if (inode.Target is { Length: < InlineBytes } target)
        {
            record[RecordFlagsAt] = IsInline;
            BinaryPrimitives.WriteUInt16LittleEndian(record[InlineLengthAt..], (ushort)target.Length);
            Encoding.Latin1.GetBytes(target, record[InlineAt..]);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(record[CrcAt..], LayoutCrc.OfStructure(record[..Bytes], CrcAt));
    }

    /// <summary>Reads a record that another kernel wrote, and checks what it says by itself.</summary>
    /// <param name="record">256 bytes.</param>
    /// <param name="fields">What concerns its pages.</param>
    /// <param name="problem">The check that failed; null when none did.</param>
    /// <returns>The inode, without pages, entries and parent; null when a check failed.</returns>
    public static TmpfsInode? Read(ReadOnlySpan<byte> record, out InodeRecord fields, out string? problem)
    {
        fields = new InodeRecord
        {
            SizeBytes = BinaryPrimitives.ReadUInt64LittleEndian(record[SizeAt..]),
            Pages = BinaryPrimitives.ReadUInt64LittleEndian(record[PagesAt..]),
            MapDepth = record[MapDepthAt],
            MapPhys = BinaryPrimitives.ReadUInt64LittleEndian(record[MapAt..]),
            ParentNumber = BinaryPrimitives.ReadUInt64LittleEndian(record[ParentAt..]),
            DataCrc = BinaryPrimitives.ReadUInt32LittleEndian(record[DataCrcAt..]),
        };
        if (BinaryPrimitives.ReadUInt32LittleEndian(record[CrcAt..]) != LayoutCrc.OfStructure(record[..Bytes], CrcAt))
        {
            problem = "crc32";
            return null;
        }

        TmpfsInode inode = Parse(record, fields.SizeBytes);
        problem = inode.Number == 0 ? "ino"
            : !TimesAreSane(record) ? "times"
            : (inode.Flags & ~FlagsKnown) != 0 ? "fsflags"
            : fields.MapDepth > MapDepthMax || (fields.MapPhys == 0 && fields.MapDepth != 0) || (fields.Pages == 0) != (fields.MapPhys == 0) ? "map"
            : inode.LinkCount == 0 ? "nlink"
            : CheckType(record, inode, fields);
        return problem is null ? inode : null;
    }

    /// <summary>Whether a map may be there, a device number, a parent, an inline target: by type.</summary>
    private static string? CheckType(ReadOnlySpan<byte> record, TmpfsInode inode, in InodeRecord fields)
    {
        int inlineLength = BinaryPrimitives.ReadUInt16LittleEndian(record[InlineLengthAt..]);
        byte flags = record[RecordFlagsAt];
        bool isDevice = inode.Type is 0x2000 or 0x6000;
        if ((inode.DeviceNumber != 0 && !isDevice) || (!inode.IsDirectory && (fields.ParentNumber | fields.DataCrc) != 0))
        {
            return "fields of another type";
        }

        if (inode.IsSymbolicLink && fields.SizeBytes is >= 1 and < InlineBytes)
        {
            return ReadInlineTarget(record, inode, fields, flags, inlineLength);
        }

        if (flags != 0 || inlineLength != 0 || !LayoutRules.IsZero(record[InlineAt..]))
        {
            return "inline data";
        }

        return inode.Type switch
        {
            0x4000 => fields.ParentNumber != 0 && fields.Pages == PagesOf(fields.SizeBytes) ? null : "directory",
            0x8000 => fields.SizeBytes <= LayoutRules.FileSizeMax ? null : "size",
            0xA000 => fields is { SizeBytes: >= InlineBytes and < LayoutRules.PageBytes, Pages: 1, MapDepth: 0 } ? null : "symbolic link",
            0x1000 or 0x2000 or 0x6000 or 0xC000 => fields is { Pages: 0, SizeBytes: 0 } ? null : "size of a special file",
            _ => "mode",
        };
    }

    private static ulong PagesOf(ulong bytes) => (bytes / LayoutRules.PageBytes) + (bytes % LayoutRules.PageBytes == 0 ? 0u : 1u);

    private static string? ReadInlineTarget(ReadOnlySpan<byte> record, TmpfsInode inode, in InodeRecord fields, byte flags, int inlineLength)
    {
        ReadOnlySpan<byte> target = record.Slice(InlineAt, (int)fields.SizeBytes);
        bool isSound = flags == IsInline && inlineLength == target.Length && fields.Pages == 0
            && !target.Contains((byte)0) && LayoutRules.IsZero(record[(InlineAt + target.Length)..]);
        if (!isSound)
        {
            return "inline target";
        }

        inode.Target = Encoding.Latin1.GetString(target);
        return null;
    }

    private static TmpfsInode Parse(ReadOnlySpan<byte> record, ulong sizeBytes)
    {
        uint mode = BinaryPrimitives.ReadUInt32LittleEndian(record[ModeAt..]);
        return new TmpfsInode
        {
            Number = BinaryPrimitives.ReadUInt64LittleEndian(record[NumberAt..]),
            // A mode with bits above 16 has no type that is known.
            Mode = mode <= ushort.MaxValue ? mode : 0,
            LinkCount = BinaryPrimitives.ReadUInt32LittleEndian(record[LinkCountAt..]),
            Uid = BinaryPrimitives.ReadUInt32LittleEndian(record[UidAt..]),
            Gid = BinaryPrimitives.ReadUInt32LittleEndian(record[GidAt..]),
            SizeBytes = (mode & TmpfsInode.TypeMask) == 0x4000 ? 0 : sizeBytes,
            AccessTime = ReadTime(record, 0),
            ModifyTime = ReadTime(record, 1),
            ChangeTime = ReadTime(record, 2),
            BirthTime = ReadTime(record, 3),
            Generation = BinaryPrimitives.ReadUInt32LittleEndian(record[GenerationAt..]),
            Flags = BinaryPrimitives.ReadUInt32LittleEndian(record[FlagsAt..]),
            DeviceNumber = BinaryPrimitives.ReadUInt32LittleEndian(record[DeviceAt..]),
        };
    }

    private static bool TimesAreSane(ReadOnlySpan<byte> record)
    {
        for (int which = 0; which < 4; which++)
        {
            if (ReadTime(record, which).Nanoseconds > NanosecondsMax)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Times stand in the order access, modification, change, birth: all seconds, then all nanoseconds.</summary>
    private static void WriteTime(Span<byte> record, int which, TmpfsTime time)
    {
        BinaryPrimitives.WriteInt64LittleEndian(record[(SecondsAt + (which * sizeof(long)))..], time.Seconds);
        BinaryPrimitives.WriteUInt32LittleEndian(record[(NanosecondsAt + (which * sizeof(uint)))..], time.Nanoseconds);
    }

    private static TmpfsTime ReadTime(ReadOnlySpan<byte> record, int which) => new(
        BinaryPrimitives.ReadInt64LittleEndian(record[(SecondsAt + (which * sizeof(long)))..]),
        BinaryPrimitives.ReadUInt32LittleEndian(record[(NanosecondsAt + (which * sizeof(uint)))..]));
}
