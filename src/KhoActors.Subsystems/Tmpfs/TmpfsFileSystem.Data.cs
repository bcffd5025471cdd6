using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs;

/// <content>Content of regular files: pages in simulated RAM. Callers have checked that the inode is a regular file open for what they do.</content>
public sealed partial class TmpfsFileSystem
{
    /// <summary>Offsets and sizes stay below this (MAX_LFS_FILESIZE is 2^63 - 1).</summary>
    public const ulong OffsetLimit = 1UL << 63;

    /// <summary>One write stores at most this many bytes (MAX_RW_COUNT).</summary>
    public const ulong WriteLimitBytes = 0x7FFF_F000;

    /// <summary>pwrite.</summary>
    /// <param name="inode">The file.</param>
    /// <param name="offset">Where.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="content">What.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// The bytes written, fewer when blocks or memory ran out on the way; -EINVAL for an offset or end of 2^63 or more; -ENOSPC or -ENOMEM when
    /// not a byte could be written.
    /// </returns>
    public KernelResult Write(TmpfsInode inode, ulong offset, ulong bytes, scoped in TmpfsContent content, TmpfsTime now)
    {
        if (offset >= OffsetLimit || bytes >= OffsetLimit || offset + bytes >= OffsetLimit)
        {
            return new KernelResult(-Errno.EINVAL);
        }

        if (bytes == 0)
        {
            return default;
        }

        SetModified(inode, now);
        ulong end = offset + Math.Min(bytes, WriteLimitBytes);
        ulong at = offset;
        int error = 0;
        while (at < end && error == 0)
        {
            int length = (int)Math.Min(end - at, PageGeometry.SizeBytes - (at & PageMask));
            error = WritePage(inode, at, length, content);
            at += error == 0 ? (ulong)length : 0;
        }

        return at == offset ? new KernelResult(error) : new KernelResult(0, at - offset);
    }

    /// <summary>pread.</summary>
    /// <param name="inode">The file.</param>
    /// <param name="offset">Where, below 2^63.</param>
    /// <param name="bytes">How many at most.</param>
    /// <param name="now">The time.</param>
    /// <returns>The bytes read, fewer at the end of the file, and their CRC-32.</returns>
    public KernelResult Read(TmpfsInode inode, ulong offset, ulong bytes, TmpfsTime now)
    {
        ulong length = offset >= inode.SizeBytes ? 0 : Math.Min(bytes, inode.SizeBytes - offset);
        uint crc = 0;
        Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
        for (ulong at = offset; at < offset + length;)
        {
            int error = BringBack(inode, at >> PageGeometry.Shift);
            if (error != 0)
            {
                length = at - offset;
                return length == 0 ? new KernelResult(error) : new KernelResult(0, length, crc);
            }

            int part = (int)Math.Min(offset + length - at, PageGeometry.SizeBytes - (at & PageMask));
            ReadWithinPage(inode, at, page[..part]);
            crc = Crc32.Of(page[..part], crc);
            at += (ulong)part;
        }

        TouchAccess(inode, now);
        return new KernelResult(0, length, crc);
    }

    /// <summary>
    /// truncate: down frees whole pages and zeroes the tail of the last one, up leaves a hole. Pages beyond the end go even when the size stays.
    /// </summary>
    /// <param name="inode">The file.</param>
    /// <param name="size">New size, below 2^63.</param>
    /// <param name="byDescriptor">ftruncate: times change even when nothing else does.</param>
    /// <param name="now">The time.</param>
    public void Truncate(TmpfsInode inode, ulong size, bool byDescriptor, TmpfsTime now)
    {
        bool changes = size != inode.SizeBytes;
        bool removes = size <= inode.SizeBytes && inode.Pages.Count != 0;
        if (changes || removes || byDescriptor)
        {
            SetModified(inode, now);
        }

        if (size > inode.SizeBytes)
        {
            SetSize(inode, size, written: false);
            return;
        }

        inode.SizeBytes = size;
        RemoveRange(inode, size, ulong.MaxValue);
        inode.HasBytesBehindEnd = false;
        if (changes)
        {
            _hooks.SizeChanged(inode, written: false);
        }
    }

    /// <summary>
    /// A store through a shared mapping. Pages are made as by a write, bytes behind the end of the file stay in its last page, the size does not
    /// change.
    /// </summary>
    /// <param name="inode">The file.</param>
    /// <param name="offset">Where.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="content">What.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// The bytes stored; -EFAULT with them where a process would get SIGBUS: no page of the file there, or none to be had. Stores before that
    /// one stay, as in the process.
    /// </returns>
    public KernelResult MapWrite(TmpfsInode inode, ulong offset, ulong bytes, scoped in TmpfsContent content, TmpfsTime now)
    {
        TouchAccess(inode, now);
        ulong pages = (inode.SizeBytes >> PageGeometry.Shift) + ((inode.SizeBytes & PageMask) == 0 ? 0UL : 1);
        ulong stored = 0;
        while (stored < bytes)
        {
            ulong at = offset + stored;
            int length = (int)Math.Min(bytes - stored, PageGeometry.SizeBytes - (at & PageMask));
            if (at < offset || at >> PageGeometry.Shift >= pages || StoreInPage(inode, at, length, content) != 0)
            {
                return new KernelResult(-Errno.EFAULT, stored);
            }

            inode.HasBytesBehindEnd |= at + (ulong)length > inode.SizeBytes;
            SetModified(inode, now);
            stored += (ulong)length;
        }

        return new KernelResult(0, stored);
    }

    /// <summary>Zeroes what stores through mappings left behind the end of a file; at the freeze, and before the file grows.</summary>
    /// <param name="inode">The file.</param>
    public void ZeroBehindEnd(TmpfsInode inode)
    {
        if (inode.HasBytesBehindEnd)
        {
            ZeroWithinPage(inode, inode.SizeBytes, PageGeometry.AlignUp(inode.SizeBytes));
            inode.HasBytesBehindEnd = false;
        }
    }

    /// <summary>lseek with SEEK_DATA or SEEK_HOLE; pages that nobody wrote are holes.</summary>
    /// <param name="inode">The file.</param>
    /// <param name="offset">From where.</param>
    /// <param name="data">Whether data is looked for.</param>
    /// <returns>The offset; -ENXIO for an offset of 2^63 or more (negative), at or behind the end, or without data behind it.</returns>
    public static KernelResult Seek(TmpfsInode inode, ulong offset, bool data)
    {
        if (offset >= inode.SizeBytes)
        {
            return new KernelResult(-Errno.ENXIO);
        }

        ulong at = offset;
        TmpfsPages pages = inode.Pages;
        pages.Find(at >> PageGeometry.Shift, out int position);
        for (; at < inode.SizeBytes; position++)
        {
            bool inFile = position < pages.Count;
            ulong start = inFile ? pages[position].Index << PageGeometry.Shift : ulong.MaxValue;
            if (start > at && !data)
            {
                return new KernelResult(0, at);
            }

            at = Math.Max(at, start);
            if (inFile && pages[position].IsUpToDate == data)
            {
                break;
            }

            at = inFile ? start + PageGeometry.SizeBytes : at;
        }

        if (at >= inode.SizeBytes && data)
        {
            return new KernelResult(-Errno.ENXIO);
        }

        return new KernelResult(0, Math.Min(at, inode.SizeBytes));
    }
}
