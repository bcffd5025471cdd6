using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs;

/// <content>fallocate.</content>
public sealed partial class TmpfsFileSystem
{
    /// <summary>FALLOC_FL_KEEP_SIZE.</summary>
    public const ulong KeepSize = 1;

    /// <summary>FALLOC_FL_PUNCH_HOLE, only together with <see cref="KeepSize"/>.</summary>
    public const ulong PunchHole = 2;

    /// <summary>fallocate on a regular file that may be written.</summary>
    /// <param name="inode">The file.</param>
    /// <param name="mode">0, <see cref="KeepSize"/>, or that with <see cref="PunchHole"/>.</param>
    /// <param name="offset">Where.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// 0; -EINVAL for no bytes, or an offset or length of 2^63 or more; -EOPNOTSUPP for other modes; -EPERM for a hole in an append-only file;
    /// -EFBIG for an end of 2^63 or more; -ENOSPC for more pages than the limit, or when blocks run out; -ENOMEM. Pages that it allocated
    /// before it failed are freed again.
    /// </returns>
    public int Allocate(TmpfsInode inode, ulong mode, ulong offset, ulong bytes, TmpfsTime now)
    {
        if (offset >= OffsetLimit || bytes == 0 || bytes >= OffsetLimit)
        {
            return -Errno.EINVAL;
        }

        if (mode is not (0 or KeepSize or (KeepSize | PunchHole)))
        {
            return -Errno.EOPNOTSUPP;
        }

        bool punches = mode == (KeepSize | PunchHole);
        if (punches && (inode.Flags & AppendFlag) != 0)
        {
            return -Errno.EPERM;
        }

        if ((inode.Flags & ImmutableFlag) != 0)
        {
            return -Errno.EPERM;
        }

        if (offset + bytes >= OffsetLimit)
        {
            return -Errno.EFBIG;
        }

        int error = 0;
        if (punches)
        {
            RemoveRange(inode, offset, offset + bytes);
        }
        else
        {
            error = AllocateRange(inode, offset >> PageGeometry.Shift, (offset + bytes + PageMask) >> PageGeometry.Shift);
        }

        if (error == 0)
        {
            SetModified(inode, now);
        }

        if (error == 0 && mode == 0 && offset + bytes > inode.SizeBytes)
        {
            SetSize(inode, offset + bytes, written: false);
        }

        return error;
    }

    private int AllocateRange(TmpfsInode inode, ulong start, ulong end)
    {
        if (MaxBlocks != 0 && end - start > MaxBlocks)
        {
            return -Errno.ENOSPC;
        }

        ulong index = start;
        int error = 0;
        for (; index < end && error == 0; index++)
        {
            error = BringBack(inode, index);
            if (error == 0 && !inode.Pages.Find(index, out _))
            {
                error = AllocatePage(inode, index, out ulong phys);
                if (error == 0)
                {
                    AddPage(inode, new TmpfsPage(index, phys, IsUpToDate: false));
                    _allocated.Add(index);
                }
            }
        }

        if (error != 0)
        {
            UndoAllocation(inode);
        }

        _allocated.Clear();
        return error;
    }

    private void UndoAllocation(TmpfsInode inode)
    {
        for (int i = _allocated.Count - 1; i >= 0; i--)
        {
            bool present = inode.Pages.Find(_allocated[i], out int position);
            System.Diagnostics.Debug.Assert(present, "a page that was just allocated");
            RemovePages(inode, position, 1);
        }
    }
}
