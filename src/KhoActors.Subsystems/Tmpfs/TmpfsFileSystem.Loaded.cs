namespace KhoActors.Subsystems.Tmpfs;

/// <content>For layouts that bring inodes and pages back one by one, when somebody asks for them.</content>
public sealed partial class TmpfsFileSystem
{
    /// <summary>Adds an inode that was handed over; whoever calls adds the entry that names it.</summary>
    /// <param name="inode">The inode, without pages.</param>
    internal void AddLoaded(TmpfsInode inode)
    {
        Insert(inode);
        UsedInodeSpaceBytes += SpaceOf(inode);
    }

    /// <summary>Adds a page that was handed over and charges it. The layout is not told: it knows.</summary>
    /// <param name="inode">The inode.</param>
    /// <param name="page">The page; its place is empty.</param>
    /// <returns>False when no block is left, and nothing was done.</returns>
    internal bool AddLoadedPage(TmpfsInode inode, TmpfsPage page)
    {
        if (MaxBlocks != 0 && UsedBlocks >= MaxBlocks)
        {
            return false;
        }

        UsedBlocks++;
        inode.Pages.Set(page);
        return true;
    }

    private bool IsEmpty(TmpfsInode directory) => directory.Entries.Count == 0 && !_hooks.HasEntriesUnseen(directory);

    /// <summary>Before an access to a page: one that is not there may have been handed over.</summary>
    private int BringBack(TmpfsInode inode, ulong index) => inode.Pages.Find(index, out _) ? 0 : _hooks.PageMissing(this, inode, index);
}
