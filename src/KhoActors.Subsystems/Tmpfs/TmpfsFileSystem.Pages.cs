using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs;

/// <content>Pages of files: their making, their content, their end.</content>
public sealed partial class TmpfsFileSystem
{
    private const ulong PageMask = PageGeometry.SizeBytes - 1;

    /// <summary>Allocates a page and charges it. Its content is whatever lies in RAM.</summary>
    private int AllocatePage(TmpfsInode inode, ulong index, out ulong phys)
    {
        phys = 0;
        int error = _hooks.PageAllowed(inode, index);
        if (error != 0)
        {
            return error;
        }

        if (MaxBlocks != 0 && UsedBlocks >= MaxBlocks)
        {
            return -Errno.ENOSPC;
        }

        phys = _pages.AllocatePage();
        if (phys == 0)
        {
            return -Errno.ENOMEM;
        }

        UsedBlocks++;
        return 0;
    }

    private void AddPage(TmpfsInode inode, TmpfsPage page)
    {
        inode.Pages.Set(page);
        _hooks.PageAdded(inode, page);
    }

    /// <summary>Frees pages, by position.</summary>
    private void RemovePages(TmpfsInode inode, int position, int count)
    {
        for (int i = position; i < position + count; i++)
        {
            TmpfsPage page = inode.Pages[i];
            _hooks.PageRemoved(inode, page);
            _pages.FreePage(page.Phys);
        }

        UsedBlocks -= (ulong)count;
        inode.Pages.Remove(position, count);
    }

    private int WritePage(TmpfsInode inode, ulong offset, int length, scoped in TmpfsContent content)
    {
        bool grows = offset + (ulong)length > inode.SizeBytes;
        if (grows)
        {
            ZeroBehindEnd(inode);
        }

        int error = StoreInPage(inode, offset, length, content);
        if (error == 0 && grows)
        {
            SetSize(inode, offset + (ulong)length, written: true);
        }

        return error;
    }

    /// <summary>Stores bytes that lie in one page, which is made when it is not there.</summary>
    private int StoreInPage(TmpfsInode inode, ulong offset, int length, scoped in TmpfsContent content)
    {
        ulong index = offset >> PageGeometry.Shift;
        int error = BringBack(inode, index);
        if (error != 0)
        {
            return error;
        }

        bool present = inode.Pages.Find(index, out int position);
        TmpfsPage page = present ? inode.Pages[position] : new TmpfsPage(index, 0, IsUpToDate: false);
        if (!present)
        {
            error = AllocatePage(inode, index, out ulong phys);
            if (error != 0)
            {
                return error;
            }

            page = page with { Phys = phys };
        }

        ulong pfn = PageGeometry.PfnOf(page.Phys);
        if (length == PageGeometry.SizeBytes && content.IsPattern)
        {
            _memory.Fill(pfn, 1, content.PatternOf(index));
        }
        else if (content.IsPattern && !page.IsUpToDate)
        {
            // Held as its pattern with zeros around: a sleeping machine keeps the seed instead of the bytes.
            _memory.Fill(pfn, 1, content.PatternOf(index));
            Span<byte> bytes = _memory.WritablePageBytes(pfn);
            int start = (int)(offset & PageMask);
            bytes[..start].Clear();
            bytes[(start + length)..].Clear();
        }
        else
        {
            if (!page.IsUpToDate)
            {
                _memory.Zero(pfn, 1);
            }

            content.CopyTo(offset, _memory.WritablePageBytes(pfn).Slice((int)(offset & PageMask), length));
        }

        if (!page.IsUpToDate)
        {
            page = page with { IsUpToDate = true };
            inode.Pages.Set(page);
        }

        if (!present)
        {
            _hooks.PageAdded(inode, page);
        }

        return 0;
    }

    /// <summary>The page of a long symbolic link: the target, then zeros.</summary>
    private int StoreTarget(TmpfsInode inode)
    {
        string target = inode.Target!;
        return StoreInPage(inode, 0, target.Length, TmpfsContent.Text(target, 0));
    }

    private void ReadWithinPage(TmpfsInode inode, ulong offset, Span<byte> destination)
    {
        if (inode.Pages.Find(offset >> PageGeometry.Shift, out int position) && inode.Pages[position].IsUpToDate)
        {
            _memory.Read(inode.Pages[position].Phys + (offset & PageMask), destination);
        }
        else
        {
            destination.Clear();
        }
    }

    /// <summary>Zeroes bytes that lie in one page, when there is a page with content.</summary>
    private void ZeroWithinPage(TmpfsInode inode, ulong start, ulong end)
    {
        if (start < end && inode.Pages.Find(start >> PageGeometry.Shift, out int position) && inode.Pages[position].IsUpToDate)
        {
            ulong pfn = PageGeometry.PfnOf(inode.Pages[position].Phys);
            _memory.WritablePageBytes(pfn).Slice((int)(start & PageMask), (int)(end - start)).Clear();
        }
    }

    /// <summary>shmem_undo_range: frees the pages that lie in a range and zeroes the parts of those that reach into it.</summary>
    private void RemoveRange(TmpfsInode inode, ulong start, ulong end)
    {
        ulong firstWhole = (start >> PageGeometry.Shift) + ((start & PageMask) == 0 ? 0UL : 1);
        ulong endWhole = end == ulong.MaxValue ? ulong.MaxValue : end >> PageGeometry.Shift;
        if (firstWhole << PageGeometry.Shift != start)
        {
            ZeroWithinPage(inode, start, Math.Min(end, firstWhole << PageGeometry.Shift));
        }

        if (end != ulong.MaxValue && endWhole >= firstWhole)
        {
            ZeroWithinPage(inode, endWhole << PageGeometry.Shift, end);
        }

        if (endWhole > firstWhole)
        {
            inode.Pages.Find(firstWhole, out int first);
            inode.Pages.Find(endWhole, out int last);
            RemovePages(inode, first, last - first);
        }
    }

    private void SetSize(TmpfsInode inode, ulong size, bool written)
    {
        ZeroBehindEnd(inode);
        inode.SizeBytes = size;
        _hooks.SizeChanged(inode, written);
    }
}
