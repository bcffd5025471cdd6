using System.Buffers.Binary;
using System.Text;

namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>
/// The directory stream of tmpfs-kho-v1: a record for each entry in the order of creation, packed into pages. A record never crosses a page;
/// the rest of a page that cannot hold the next one is zero.
/// </summary>
internal static class DirectoryStream
{
    /// <summary>Offset of rec_len, 16 bits, behind the inode number.</summary>
    public const int LengthAt = 8;

    /// <summary>Offset of name_len, 8 bits.</summary>
    public const int NameLengthAt = 10;

    /// <summary>Offset of the type (FT_*), 8 bits.</summary>
    public const int TypeAt = 11;

    /// <summary>Offset of the name.</summary>
    public const int NameAt = 12;

    /// <summary>Bytes of a record with a name, rounded up to 8.</summary>
    /// <param name="nameLength">1..255.</param>
    /// <returns>16..272.</returns>
    public static int RecordBytes(int nameLength) => (NameAt + nameLength + 7) & ~7;

    /// <summary>Where a record goes: at the present end, or on the next page when it does not fit.</summary>
    /// <param name="end">The end of the stream so far.</param>
    /// <param name="recordBytes">Bytes of the record.</param>
    /// <returns>Its offset in the stream.</returns>
    public static ulong PlaceOf(ulong end, int recordBytes)
    {
        ulong left = (0 - end) & (LayoutRules.PageBytes - 1);
        return left != 0 && (ulong)recordBytes > left ? end + left : end;
    }

    /// <summary>The length of a directory's stream: the end of its last record.</summary>
    /// <param name="directory">The directory.</param>
    /// <returns>Bytes.</returns>
    public static ulong LengthOf(TmpfsInode directory)
    {
        ulong end = 0;
        foreach (TmpfsDirectoryEntry entry in directory.Entries)
        {
            int bytes = RecordBytes(entry.Name.Length);
            end = PlaceOf(end, bytes) + (ulong)bytes;
        }

        return end;
    }

    /// <summary>Writes a record.</summary>
    /// <param name="target">As many zero bytes as the record has.</param>
    /// <param name="entry">The entry.</param>
    public static void Write(Span<byte> target, in TmpfsDirectoryEntry entry)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, entry.Inode.Number);
        BinaryPrimitives.WriteUInt16LittleEndian(target[LengthAt..], (ushort)target.Length);
        target[NameLengthAt] = (byte)entry.Name.Length;
        target[TypeAt] = entry.Inode.EntryType;
        Encoding.Latin1.GetBytes(entry.Name, target[NameAt..]);
    }

    /// <summary>Whether bytes may name an entry: no slash, no NUL, not <c>.</c> or <c>..</c>.</summary>
    /// <param name="name">1 to 255 bytes.</param>
    /// <returns>Whether they may.</returns>
    public static bool IsEntryName(ReadOnlySpan<byte> name) =>
        !name.ContainsAny((byte)'/', (byte)0) && !name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8);
}
